"""What a lead can be to the router: a union of shapes, each with what it needs and nothing else."""

from __future__ import annotations

from datetime import datetime

import msgspec

from leadway.facts.router import Decision, Method, Reveal, RotationTurn

MOVES_MAX = 40
DECISIONS_MAX = 10


class Move(msgspec.Struct, frozen=True, array_like=True):
    """One line of a lead's history: what the router did, as the fact's type without its version."""

    what: str
    at: datetime | None = None
    partner_id: str | None = None
    assignment_id: str | None = None
    detail: str | None = None  # method, queue, reason or clock


class Settled(msgspec.Struct, frozen=True, array_like=True):
    """A routing that was decided: how, what came of it, and the turn that a rotation gave."""

    decision: Decision
    outcome: Move
    turn: RotationTurn | None = None


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a partner's last hold of the lead ended."""

    assignment_id: str
    how: str  # declined | reclaimed | withdrawn | released
    reason: str
    at: datetime | None = None


class Past(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stays of a lead's routing through all that it becomes."""

    excluded: tuple[str, ...] = ()  # partners that had the lead and lost it
    ended: dict[str, Ended] = {}
    offered: tuple[str, ...] = ()  # who could claim it when it was last in a pool
    moves: tuple[Move, ...] = ()  # the newest MOVES_MAX
    decisions: tuple[Settled, ...] = ()  # the newest DECISIONS_MAX


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A partner's hold of the lead, with what its end must give back."""

    assignment_id: str
    partner_id: str
    method: Method
    since: datetime | None = None
    rule: str | None = None
    rules_version: int = 0
    step_index: int | None = None
    reveal: Reveal = "assigned"
    company_id: str | None = None
    product: str | None = None
    accepted_at: datetime | None = None
    acceptance_missed: bool = False


class _Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    past: Past = Past()
    since: datetime | None = None


class Unrouted(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """Nothing was decided yet."""


class Pooled(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """The first of `eligible` that claims the lead gets it, until `closes_at`."""

    pooling_id: str
    eligible: tuple[str, ...]
    rule: str | None = None
    rules_version: int = 0
    step_index: int = 0
    reveal: Reveal = "assigned"
    closes_at: datetime | None = None


class Assigned(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """A partner holds the lead and has not said whether it takes it."""

    hold: Hold


class Accepted(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """A partner holds the lead and works on it."""

    hold: Hold


class Retained(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """The vendor has the lead in a queue of its own; `reason` is why: rule, otherwise, consent, conflict …"""

    queue: str
    reason: str | None = None
    rule: str | None = None
    rules_version: int = 0


class Unroutable(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """Nothing says what to do with the lead."""

    reason: str
    rules_version: int = 0


class Closed(_Shape, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """A partner's hold ended because the lead closed."""

    outcome: str


State = Unrouted | Pooled | Assigned | Accepted | Retained | Unroutable | Closed


def hold_of(state: State) -> Hold | None:
    """The hold, where a partner has the lead."""
    return state.hold if isinstance(state, Assigned | Accepted) else None

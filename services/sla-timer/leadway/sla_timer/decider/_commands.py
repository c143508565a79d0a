"""What sla-timer may be asked to do. `by`: the id of the fact that asks; `why`: its type, without its version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadway.facts.sla_timer import Clock
from leadway.sla_timer.policy import Plan


@dataclass(frozen=True, slots=True)
class StartHold:
    """A partner holds the lead from `at` on: start the plan's clocks; the lead left its pool, if it was in one.

    `claimed`: the stay in a pool that the claim ended. `accepted`: holding needed no (further) acceptance.
    """

    lead_id: str
    assignment_id: str
    partner_id: str
    at: datetime
    by: str
    why: str
    plan: Plan
    accepted: bool = False
    claimed: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The lead waits in a pool from `at` on: start the plan's claim clock; an earlier stay is over."""

    lead_id: str
    pooling_id: str
    at: datetime
    by: str
    why: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class LeavePool:
    """The lead is in no pool any more."""

    lead_id: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Accept:
    """The holder took the lead on at `at`."""

    lead_id: str
    assignment_id: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Contact:
    """The holder logged an attempt to reach the customer at `logged_at`."""

    lead_id: str
    assignment_id: str
    logged_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class EndHold:
    """The hold is over."""

    lead_id: str
    assignment_id: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class StopForDeal:
    """A deal was registered: no deadline of its assignment matters any more; where it names none, of its partner."""

    lead_id: str
    assignment_id: str | None
    partner_id: str | None
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """Nobody works on the lead any more: nothing on it is waited for."""

    lead_id: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Miss:
    """The owner of the evidence says that a deadline was missed. `runs_for`: the assignment, or the stay in a pool."""

    lead_id: str
    clock: Clock
    runs_for: str
    by: str


@dataclass(frozen=True, slots=True)
class Wake:
    """A clock asked to be woken, and it is `at` now."""

    lead_id: str
    clock: Clock
    runs_for: str
    at: datetime


Command = StartHold | Pool | LeavePool | Accept | Contact | EndHold | StopForDeal | Close | Miss | Wake

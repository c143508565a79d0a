"""What the router says: who holds a lead, why, and how each hold ends."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire
from leadway.facts.personal import Sealed
from leadway.facts.terms import KeyTurn

# How a partner was chosen; an open set: round_robin, shark_tank, direct, account, originated, reopened, manual.
Method = str
Reveal = Literal["assigned", "accepted"]


class _Routed(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    # When the router decided it: what the lead's own history shows. The envelope's time is never before this.
    at: datetime | None = None


class LeftOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a partner was not eligible, as a person would read it."""

    partner_id: str
    reasons: tuple[str, ...]


class StepTaken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a rule that was tried: who was eligible, who was not and why."""

    index: int
    kind: str  # assign | pool | direct | retain | account
    eligible: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    passed_because: str | None = None  # why the next step was tried


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a routing was decided, so that it can be explained and replayed later."""

    asked: str  # qualified | declined | reclaimed | claim.missed | reroute | assign | retain | originated | touched
    rule: str | None = None  # the matched rule's name; None: `otherwise`
    rule_index: int | None = None
    rules_version: int = 0
    not_matched: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict[str, tuple[str, ...]])
    steps: tuple[StepTaken, ...] = ()
    partner_versions: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    excluded: tuple[str, ...] = ()  # partners that had the lead and lost it: none of them was considered
    input: str | None = None  # the fact or request that asked for it


class RotationTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The turn that a rotation gave: fair queueing in integers; both are folded by their maximum."""

    key: str
    partner_id: str
    finish: int
    floor: int


@wire("lead.pooled.v1", source="router")
class LeadPooled(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """The lead waits in a shark tank pool for the first eligible partner to claim it."""

    lead_id: str
    pooling_id: str  # pool_…, names this stay in the pool
    eligible: tuple[str, ...]
    claim_within_seconds: int | None = None
    step_index: int
    reveal: Reveal = "assigned"
    company_id: str | None = None
    product: str | None = None
    decision: Decision
    personal: Sealed | None = None  # why a channel manager asked for it


@wire("lead.retained.v1", source="router")
class LeadRetained(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """The vendor keeps the lead in one of its own queues."""

    lead_id: str
    queue: str
    reason: str | None = None  # a code; free text is in `personal`
    decision: Decision
    personal: Sealed | None = None


@wire("lead.unroutable.v1", source="router")
class LeadUnroutable(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """No rule, step or queue takes the lead: a person has to look at it."""

    lead_id: str
    reason: str
    decision: Decision
    personal: Sealed | None = None  # why a channel manager asked for it


@wire("lead.assigned.v1", source="router")
class LeadAssigned(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """A partner holds the lead from now on, and has not yet said whether it takes it."""

    lead_id: str
    assignment_id: str
    partner_id: str
    tier: str
    method: Method
    partner_version: int
    clocks: bool = True  # False: a lead that the partner brought itself runs against no deadline
    accepted: bool = False  # True where holding needs no acceptance (method `originated`)
    reveal: Reveal = "assigned"
    rule: str | None = None
    step_index: int | None = None
    company_id: str | None = None
    product: str | None = None
    turn: RotationTurn | None = None
    keys: tuple[KeyTurn, ...] = ()  # account and load
    decision: Decision
    personal: Sealed | None = None  # why a channel manager asked for it


@wire("lead.claimed.v1", source="router")
class LeadClaimed(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """A partner took the lead from a pool: it holds it, and has accepted it by that."""

    lead_id: str
    assignment_id: str
    partner_id: str
    tier: str
    method: Method = "shark_tank"
    partner_version: int
    pooling_id: str
    reveal: Reveal = "assigned"
    rule: str | None = None
    step_index: int | None = None
    rules_version: int = 0
    company_id: str | None = None
    product: str | None = None
    keys: tuple[KeyTurn, ...] = ()


@wire("lead.accepted.v1", source="router")
class LeadAccepted(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """The holding partner takes the lead on."""

    lead_id: str
    assignment_id: str
    partner_id: str


class _Ended(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    lead_id: str
    assignment_id: str
    partner_id: str
    product: str | None = None  # under which the hold took its account key
    keys: tuple[KeyTurn, ...] = ()


@wire("lead.declined.v1", source="router")
class LeadDeclined(_Ended, frozen=True, kw_only=True, omit_defaults=True):
    """The holding partner gave the lead back."""

    reason: Literal["no_capacity", "no_fit", "relationship", "not_a_lead", "other"]
    personal: Sealed | None = None  # the note


@wire("lead.reclaimed.v1", source="router")
class LeadReclaimed(_Ended, frozen=True, kw_only=True, omit_defaults=True):
    """The lead was taken back because a deadline was missed."""

    clock: str
    due_at: datetime
    breach: str  # the sla.breached fact's id


@wire("lead.withdrawn.v1", source="router")
class LeadWithdrawn(_Ended, frozen=True, kw_only=True, omit_defaults=True):
    """A channel manager took the lead away."""

    reason: str  # a code: assign | retain | reroute; the words are in `personal`
    personal: Sealed | None = None


@wire("lead.released.v1", source="router")
class LeadReleased(_Ended, frozen=True, kw_only=True, omit_defaults=True):
    """The hold ended because the lead closed."""

    outcome: str
    closed_by: str  # the lead.closed fact's id


@wire("acceptance.missed.v1", source="router")
class AcceptanceMissed(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody accepted by the deadline: the router's answer to sla.due (accept)."""

    lead_id: str
    assignment_id: str
    clock: str = "accept"
    due_at: datetime


@wire("claim.missed.v1", source="router")
class ClaimMissed(_Routed, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody claimed by the deadline: the router's answer to sla.due (claim)."""

    lead_id: str
    pooling_id: str
    clock: str = "claim"
    due_at: datetime


class CompanySize(msgspec.Struct, frozen=True, omit_defaults=True):
    """Employees that a partner's prospects have, both bounds inclusive."""

    min: int | None = None
    max: int | None = None


@wire("partner.changed.v1", source="router")
class PartnerChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A partner as it stands. entity_id: ptr_…"""

    name: str
    status: Literal["active", "paused", "ended"] = "active"
    type: str | None = None
    tier: str
    territories: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    company_size: CompanySize | None = None
    open_leads_max: int | None = None
    weight: int = 1
    parent_id: str | None = None
    cam: str | None = None


@wire("rules.changed.v1", source="router")
class RulesChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """The routing rules as they stand, as the document that an admin put. entity_id: `rules`."""

    document: dict[str, object]

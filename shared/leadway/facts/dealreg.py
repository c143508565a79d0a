"""What dealreg says: the work on a lead, the deals that come of it, and what they are worth."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire
from leadway.facts.personal import Sealed
from leadway.facts.terms import Company, KeyTurn, Money, Origin, Term


@wire("activity.logged.v1", source="dealreg")
class ActivityLogged(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The holder worked on the lead. What counts for a deadline is `logged_at`, never `occurred_at`."""

    lead_id: str
    assignment_id: str | None = None  # None: a lead that the vendor works itself
    activity_id: str
    kind: Literal["call", "email", "meeting", "note"]
    outcome: str | None = None
    occurred_at: datetime | None = None
    logged_at: datetime
    attempt: bool  # whether it is an attempt to reach the customer: all but notes
    personal: Sealed | None = None


@wire("contact.missed.v1", source="dealreg")
class ContactMissed(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """No attempt to reach the customer was logged by the deadline: dealreg's answer to sla.due (first_contact)."""

    lead_id: str
    assignment_id: str
    clock: str = "first_contact"
    due_at: datetime


@wire("stage.changed.v1", source="dealreg")
class StageChanged(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The holder moved the lead along, or back, the pipeline."""

    lead_id: str
    assignment_id: str | None = None
    stage: str
    previous: str | None = None
    stages_version: int


@wire("opportunity.opened.v1", source="dealreg")
class OpportunityOpened(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead became an opportunity with an expected amount."""

    lead_id: str
    assignment_id: str | None = None
    opportunity_id: str
    amount: Money
    expected_close: date
    product: Term | None = None
    personal: Sealed | None = None  # its name


@wire("lead.closed.v1", source="dealreg")
class LeadClosed(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody works on the lead any more. `won` and `lost` also follow from its last open deal."""

    lead_id: str
    assignment_id: str | None = None
    outcome: Literal["won", "lost", "not_a_lead", "unreachable", "duplicate", "nurture"]
    personal: Sealed | None = None  # the reason


@wire("lead.reopened.v1", source="dealreg")
class LeadReopened(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """A closed lead is open again and is to be routed anew."""

    lead_id: str
    partner_id: str | None = None  # whose reopened deal opened it: that partner is to have it back
    personal: Sealed | None = None


class CompanyMatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By what two registrations are seen to concern one company, normalised when it was registered."""

    domain: str | None = None  # registrable
    name: str | None = None  # without accents, punctuation and legal form
    country: str | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a partner registered, as others' registrations are compared with it. The fact's `keys` take its turns."""

    partner_id: str
    match: CompanyMatch
    product: str | None = None  # the code, or the folded saying where no code is known
    protected_until: datetime | None = None  # None: registered, not approved


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One position of a deal."""

    product: Term
    quantity: int = 1
    amount: Money


@wire("deal.registered.v1", source="dealreg")
class DealRegistered(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The holder asked for a deal to be registered. With `originated` a partner brought it, and the lead with it."""

    lead_id: str
    deal_id: str
    partner_id: str | None = None  # None: the vendor's own deal, on a lead that it works itself
    assignment_id: str | None = None
    opportunity_id: str | None = None
    origin: Origin = "vendor"
    originated: bool = False
    linked: bool = False  # registered on the partner's own open lead without naming it
    person_id: str | None = None
    company_id: str | None = None
    company: Company = Company()
    product: Term | None = None
    campaign_id: str | None = None
    amount: Money
    lines: tuple[Line, ...] = ()
    match_key: str | None = None  # company and product, under which conflicts are sought
    match: CompanyMatch | None = None
    claim: Claim | None = None  # None where the registration collides with another, or has no company to claim
    keys: tuple[KeyTurn, ...] = ()
    personal: Sealed | None = None  # its name


class _Deal(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    told_apart_by: ClassVar[tuple[str, ...]] = ("deal_id",)

    lead_id: str
    deal_id: str


@wire("deal.conflicted.v1", source="dealreg")
class DealConflicted(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The registration collides with another partner's protected deal or held lead; a person decides."""

    with_deal_id: str | None = None
    with_lead_id: str | None = None
    with_partner_id: str | None = None
    match_key: str | None = None


@wire("deal.returned.v1", source="dealreg")
class DealReturned(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The registration went back to the partner for more."""

    personal: Sealed | None = None


@wire("deal.approved.v1", source="dealreg")
class DealApproved(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The registration stands and the partner is protected until `protected_until`."""

    partner_id: str
    protected_until: datetime
    protection_version: int
    claim: Claim | None = None
    keys: tuple[KeyTurn, ...] = ()


@wire("deal.rejected.v1", source="dealreg")
class DealRejected(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The registration was refused; the deal may still be won, unprotected."""

    keys: tuple[KeyTurn, ...] = ()
    personal: Sealed | None = None


@wire("deal.expired.v1", source="dealreg")
class DealExpired(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The protection window ended before the deal did."""

    keys: tuple[KeyTurn, ...] = ()


@wire("deal.won.v1", source="dealreg")
class DealWon(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The deal was won; `amount` is booked at `closed_at`."""

    partner_id: str | None = None
    amount: Money
    closed_at: datetime
    keys: tuple[KeyTurn, ...] = ()


@wire("deal.lost.v1", source="dealreg")
class DealLost(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """The deal was lost."""

    keys: tuple[KeyTurn, ...] = ()
    personal: Sealed | None = None


@wire("deal.amended.v1", source="dealreg")
class DealAmended(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """A won deal's amount is now `amount`; the difference to `previous` is booked at `effective_at`."""

    amount: Money
    previous: Money
    effective_at: datetime
    personal: Sealed | None = None


@wire("deal.reopened.v1", source="dealreg")
class DealReopened(_Deal, frozen=True, kw_only=True, omit_defaults=True):
    """A won or lost deal is open again; what was booked (`booked`) is booked back at the fact's time."""

    booked: Money | None = None
    claim: Claim | None = None  # taken again, where nobody else has claimed the company since
    keys: tuple[KeyTurn, ...] = ()
    personal: Sealed | None = None


@wire("stages.changed.v1", source="dealreg")
class StagesChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """The pipeline's stages in order. entity_id: `stages`."""

    stages: tuple[str, ...]


@wire("protection.changed.v1", source="dealreg")
class ProtectionChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """How long an approved registration is protected. entity_id: `protection`."""

    protect_for_seconds: int

"""What dealreg knows of a lead by its own facts: the work on it and its deals. Every list is bounded."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

import msgspec

from leadway.facts.dealreg import Claim, CompanyMatch, Line
from leadway.facts.personal import Sealed
from leadway.facts.terms import Company, KeyTurn, Money, Origin, Term

ACTIVITIES_KEPT: Final = 50
ASSIGNMENTS_KEPT: Final = 32
OPPORTUNITIES_MAX: Final = 50
DEALS_MAX: Final = 50


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the state."""


class Activity(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the holder did; the newest are kept, the log has them all."""

    activity_id: str
    kind: str
    logged_at: datetime
    attempt: bool
    assignment_id: str | None = None
    outcome: str | None = None
    occurred_at: datetime | None = None
    personal: Sealed | None = None


class Attempt(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """When an assignment's first attempt to reach the customer was logged."""

    assignment_id: str
    logged_at: datetime


class Opportunity(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """An expected amount."""

    opportunity_id: str
    amount: Money
    expected_close: date
    assignment_id: str | None = None
    product: Term | None = None
    personal: Sealed | None = None


class Submitted(_Part, frozen=True, tag="submitted"):
    """Waits for a channel manager."""


class Conflicted(_Part, frozen=True, omit_defaults=True, tag="conflicted"):
    """Collides with another partner's deal or lead; what it collides with is not for the partner to know."""

    with_deal_id: str | None = None
    with_lead_id: str | None = None
    with_partner_id: str | None = None


class Returned(_Part, frozen=True, omit_defaults=True, tag="returned"):
    """Went back to the partner for more."""

    personal: Sealed | None = None


class Approved(_Part, frozen=True, tag="approved"):
    """Stands; the partner is protected while its turns last and the time has not come."""

    protected_until: datetime


class Rejected(_Part, frozen=True, omit_defaults=True, tag="rejected"):
    """Was refused; the deal may still be won, unprotected."""

    personal: Sealed | None = None


class Expired(_Part, frozen=True, tag="expired"):
    """The protection ended before the deal did."""


Registration = Submitted | Conflicted | Returned | Approved | Rejected | Expired


class Pending(_Part, frozen=True, tag="open"):
    """Neither won nor lost."""


class Won(_Part, frozen=True, tag="won"):
    """Won: `booked` is its revenue as it stands."""

    booked: Money
    closed_at: datetime


class Lost(_Part, frozen=True, omit_defaults=True, tag="lost"):
    """Lost."""

    personal: Sealed | None = None


class Deal(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A deal of the lead. `turns` are its places on the keys that others' registrations are compared under."""

    deal_id: str
    amount: Money
    partner_id: str | None = None
    assignment_id: str | None = None
    opportunity_id: str | None = None
    origin: Origin = "vendor"
    originated: bool = False
    linked: bool = False
    person_id: str | None = None
    company_id: str | None = None
    company: Company = Company()
    product: Term | None = None
    campaign_id: str | None = None
    lines: tuple[Line, ...] = ()
    match: CompanyMatch | None = None
    claim: Claim | None = None
    turns: tuple[KeyTurn, ...] = ()
    personal: Sealed | None = None
    registration: Registration = Submitted()
    outcome: Pending | Won | Lost = Pending()


class Work(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """What was done on a lead."""

    brought_by: str | None = None  # the partner whose registration made the lead
    stage: str | None = None
    activities: tuple[Activity, ...] = ()
    activities_logged: int = 0
    attempts: tuple[Attempt, ...] = ()
    missed: tuple[str, ...] = ()  # assignments whose first contact was answered as missed
    opportunities: tuple[Opportunity, ...] = ()
    deals: tuple[Deal, ...] = ()


Outcome = Literal["won", "lost", "not_a_lead", "unreachable", "duplicate", "nurture"]


class Untouched(_Part, frozen=True, tag="untouched"):
    """Nobody has worked on the lead."""

    @property
    def work(self) -> Work:
        """None of it."""
        return Work()


class Open(_Part, frozen=True, kw_only=True, tag="open"):
    """The lead is worked on."""

    work: Work


class Closed(_Part, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """Nobody works on the lead any more."""

    work: Work
    outcome: Outcome
    personal: Sealed | None = None


State = Untouched | Open | Closed


def deal_of(state: State, deal_id: str) -> Deal | None:
    """The lead's deal of that id."""
    return next((deal for deal in state.work.deals if deal.deal_id == deal_id), None)


def is_pending(deal: Deal) -> bool:
    """Whether a deal is neither won nor lost."""
    return isinstance(deal.outcome, Pending)


def has_deal(work: Work, opportunity_id: str) -> Deal | None:
    """The deal of an opportunity, unless it was lost or its registration rejected."""
    return next(
        (
            deal
            for deal in work.deals
            if deal.opportunity_id == opportunity_id
            and not isinstance(deal.outcome, Lost)
            and not isinstance(deal.registration, Rejected)
        ),
        None,
    )

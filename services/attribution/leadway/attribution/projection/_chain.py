"""What a lead's chain is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from leadway.facts import Envelope
from leadway.facts.terms import CampaignSaid, Company, Money, Term

_LINKS_MAX: Final = 200

T = TypeVar("T")


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact of the chain: what happened (its type without a version) and when."""

    fact_id: str
    type: str
    at: datetime
    detail: dict[str, str] = {}


class Captured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the lead began: captured from a source, or brought by a partner with a deal."""

    fact_id: str
    at: datetime
    origin: str
    source_id: str | None = None
    person_id: str | None = None


class TouchLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contact with the vendor's marketing, its campaign as it was said."""

    fact_id: str
    kind: str
    occurred_at: datetime
    source_id: str | None = None
    asset: str | None = None
    campaign: CampaignSaid = CampaignSaid()


class Assignment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hold: how it began, was accepted, and ended."""

    assignment_id: str
    partner_id: str
    method: str
    began: Link
    accepted: Link | None = None
    ended: Link | None = None


class Opportunity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An expected deal."""

    opened: Link
    amount: Money
    assignment_id: str | None = None


class Booking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An amount that a fact booked at a date, negative where it took back."""

    fact_id: str
    type: str
    at: datetime
    amount: Money


class DealLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deal: its registration, its outcome, and all that was booked on it."""

    partner_id: str | None = None
    opportunity_id: str | None = None
    registered_at: datetime
    registration: str = "submitted"
    outcome: str = "open"
    won_at: datetime | None = None
    amount: Money | None = None
    links: tuple[Link, ...] = ()
    bookings: tuple[Booking, ...] = ()


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The score as last reckoned."""

    fact_id: str
    score: float
    fit: float
    engagement: float
    as_of: datetime


class Chain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One lead's chain."""

    began: Captured | None = None
    company_id: str | None = None
    company: Company = Company()
    product: Term | None = None
    touches: tuple[TouchLink, ...] = ()
    score: Score | None = None
    qualification: Link | None = None
    assignments: tuple[Assignment, ...] = ()
    routing: tuple[Link, ...] = ()
    deadlines: tuple[Link, ...] = ()
    activities: tuple[Link, ...] = ()
    stages: tuple[Link, ...] = ()
    opportunities: dict[str, Opportunity] = {}
    deals: dict[str, DealLink] = {}
    closed: Link | None = None


def link_to(envelope: Envelope, **detail: str | None) -> Link:
    """The link to a fact, with the details that are there."""
    named = {name: value for name, value in detail.items() if value is not None}
    return Link(envelope.id, envelope.type.rpartition(".v")[0], envelope.time, named)


def appended(links: tuple[T, ...], link: T) -> tuple[T, ...]:
    """One link more; the oldest goes where there are too many."""
    return (*links, link)[-_LINKS_MAX:]

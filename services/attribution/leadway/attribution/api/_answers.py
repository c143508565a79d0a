"""What attribution's routes answer with, as its OpenAPI says it. A field that does not apply is left out, or null."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from leadway.attribution.policy import By
from leadway.facts.terms import Origin
from leadway.web import CompanyBody, MoneyBody, TermBody

ModelName = Literal["first", "last", "linear"]


class Amount(BaseModel):
    """Sums in minor units: `credit` adds up over keys, influenced `revenue` does not. roi: (credit − spend) / spend."""

    currency: str
    revenue: int
    credit: int
    spend: int | None = None
    roi: float | None = None


class RevenueRow(BaseModel):
    """What came of one campaign, partner, tactic, country or source; key null: of none."""

    key: str | None
    name: str | None
    leads: int
    opportunities: int
    deals_won: int
    amounts: list[Amount]


class Revenue(BaseModel):
    """The answer, with the question as it was understood."""

    by: By
    model: ModelName
    rows: list[RevenueRow]


class Link(BaseModel):
    """A fact of the chain: what happened (its type without a version) and when."""

    fact_id: str
    type: str
    at: datetime
    detail: dict[str, str] = {}


class Captured(BaseModel):
    """How the lead began: captured from a source, or brought by a partner with a deal."""

    fact_id: str
    at: datetime
    origin: Origin
    source_id: str | None = None
    person_id: str | None = None


class Campaign(BaseModel):
    """A campaign of the chain, by the name and tactic that it has now."""

    id: str
    name: str | None
    tactic: str | None


class Touch(BaseModel):
    """A contact with the vendor's marketing, and the campaign that what was said of one leads to now."""

    fact_id: str
    kind: str
    occurred_at: datetime
    source_id: str | None = None
    asset: str | None = None
    campaign: Campaign | None


class Score(BaseModel):
    """The score as last reckoned."""

    fact_id: str
    score: float
    fit: float
    engagement: float
    as_of: datetime


class Assignment(BaseModel):
    """A hold: how it began, was accepted, and ended. `partner`: its name as it is now."""

    assignment_id: str
    partner_id: str
    partner: str | None
    method: str
    began: Link
    accepted: Link | None = None
    ended: Link | None = None


class Opportunity(BaseModel):
    """An expected deal."""

    opportunity_id: str
    opened: Link
    amount: MoneyBody
    assignment_id: str | None = None


class Booking(BaseModel):
    """An amount that a fact booked at a date, negative where it took back."""

    fact_id: str
    type: str
    at: datetime
    amount: MoneyBody


class Deal(BaseModel):
    """A deal: its registration, its outcome, and all that was booked on it."""

    deal_id: str
    partner_id: str | None = None
    opportunity_id: str | None = None
    registered_at: datetime
    registration: str = "submitted"
    outcome: str = "open"
    won_at: datetime | None = None
    amount: MoneyBody | None = None
    links: list[Link] = []
    bookings: list[Booking] = []


class Chain(BaseModel):
    """A lead from the campaign to the revenue. `cycle_time`: ISO 8601, from the capture to the first deal won."""

    lead_id: str
    began: Captured | None = None
    source: str | None = None
    company_id: str | None = None
    company: CompanyBody = CompanyBody()
    product: TermBody | None = None
    campaigns: list[Campaign]
    touches: list[Touch]
    score: Score | None = None
    qualification: Link | None = None
    assignments: list[Assignment]
    routing: list[Link] = []
    deadlines: list[Link] = []
    activities: list[Link] = []
    stages: list[Link] = []
    opportunities: list[Opportunity]
    deals: list[Deal]
    closed: Link | None = None
    revenue: list[MoneyBody]
    cycle_time: str | None


class ToldFact(BaseModel):
    """A fact without its personal data. `cursor`: what Last-Event-ID goes on from."""

    id: str
    type: str
    source: str | None = None
    subject: str | None = None
    time: datetime | None = None
    cause: str | None = None
    correlation: str | None = None
    actor: str | None = None
    traceparent: str | None = None
    sequence: int
    topic: str
    data: dict[str, Any]
    cursor: str

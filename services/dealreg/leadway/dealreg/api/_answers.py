"""What dealreg's routes answer with, as its OpenAPI says it. A field that does not apply is left out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from leadway.web import CompanyBody, MoneyBody, TermBody


class Line(BaseModel):
    """One position of a deal."""

    product: TermBody
    quantity: int
    amount: MoneyBody


class Conflict(BaseModel):
    """What a registration collides with; for channel managers and admins alone."""

    deal_id: str | None = None
    lead_id: str | None = None
    partner_id: str | None = None


class Deal(BaseModel):
    """A deal: how its registration stands, and how it ended.

    `registration`: submitted, conflicted, returned, approved, rejected, expired; `outcome`: open, won, lost.
    `protected`: whether other partners are kept out.
    """

    deal_id: str
    lead_id: str
    partner_id: str | None = None
    assignment_id: str | None = None
    opportunity_id: str | None = None
    registration: str
    outcome: str
    registered_at: datetime | None = None
    name: str | None = None
    amount: MoneyBody
    company_id: str | None = None
    company: CompanyBody
    person_id: str | None = None
    product: TermBody | None = None
    campaign_id: str | None = None
    origin: str
    linked: bool
    lines: list[Line]
    protected_until: datetime | None = None
    protected: bool | None = None
    reason: str | None = None
    booked: MoneyBody | None = None
    closed_at: datetime | None = None
    lost_because: str | None = None
    conflict: Conflict | None = None


class Opportunity(BaseModel):
    """An expected amount."""

    lead_id: str | None = None
    opportunity_id: str
    name: str | None = None
    amount: MoneyBody
    expected_close: date
    product: TermBody | None = None
    assignment_id: str | None = None


class Activity(BaseModel):
    """What was done for a lead. `attempt`: it was to reach the customer, so it meets the first_contact deadline."""

    lead_id: str | None = None
    activity_id: str
    kind: str
    outcome: str | None = None
    occurred_at: datetime | None = None
    logged_at: datetime
    attempt: bool
    assignment_id: str | None = None
    note: str | None = None


class Owner(BaseModel):
    """Who has a lead: a partner, or the vendor in a queue of its own."""

    kind: Literal["partner", "direct"]
    partner_id: str | None = None
    queue: str | None = None


class Campaign(BaseModel):
    """How a touch named its campaign."""

    campaign_id: str | None = None
    said: list[str] = []
    version: int | None = None


class Touch(BaseModel):
    """One contact of the prospect with the vendor's marketing."""

    kind: str
    occurred_at: datetime
    asset: str | None = None
    campaign: Campaign | None = None


class Clock(BaseModel):
    """A deadline of the lead. `held_by`: the assignment, or the stay in a pool, that it runs for."""

    clock: str
    held_by: str
    policy: str
    started_at: datetime
    due_at: datetime
    status: str = "running"
    reminded: int = 0


class Person(BaseModel):
    """The prospect."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


class WorkingLead(BaseModel):
    """A lead as its holder works on it; `person` is null until the rule reveals it."""

    lead_id: str
    state: Literal["open", "closed"]
    outcome: str | None = None
    owner: Owner | None = None
    assignment_id: str | None = None
    company_id: str | None = None
    company: CompanyBody
    person_id: str | None = None
    product: TermBody | None = None
    campaign_id: str | None = None
    origin: str
    score: float | None = None
    stage: str | None = None
    touches: list[Touch]
    clocks: list[Clock]
    activities: list[Activity]
    opportunities: list[Opportunity]
    deals: list[Deal]
    person: Person | None


class LeadStage(BaseModel):
    """The stage that a lead is in now."""

    lead_id: str
    stage: str


class LeadEnd(BaseModel):
    """Whether the work on a lead goes on."""

    lead_id: str
    state: Literal["open", "closed"]
    outcome: str | None = None


class Stages(BaseModel):
    """The pipeline's stages in order."""

    stages: list[str]
    version: int


class Protection(BaseModel):
    """How long an approved registration is protected: ISO 8601."""

    protect_for: str
    version: int

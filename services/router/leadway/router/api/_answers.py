"""What the router's routes answer with, as its OpenAPI says it. A field that does not apply is left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class Owner(BaseModel):
    """Who has a lead: a partner, or the vendor in a queue of its own."""

    kind: Literal["partner", "direct"]
    partner_id: str | None = None
    queue: str | None = None


class Move(BaseModel):
    """One line of a lead's history. `what`: a fact's type; `detail`: a method, queue, reason or clock."""

    what: str
    at: datetime | None = None
    partner_id: str | None = None
    assignment_id: str | None = None
    detail: str | None = None


class ListedLead(BaseModel):
    """Who has a lead, and by which rule.

    `state`: unrouted, pooled, assigned, accepted, retained, unroutable, closed; `ended` for a partner that had it.
    """

    lead_id: str
    state: str | None = None
    since: datetime | None = None
    owner: Owner | None = None
    assignment_id: str | None = None
    method: str | None = None
    accepted_at: datetime | None = None
    rule: str | None = None
    rules_version: int | None = None
    step: int | None = None
    reveal: str | None = None
    eligible: list[str] | None = None
    closes_at: datetime | None = None
    reason: str | None = None
    outcome: str | None = None
    how: str | None = None
    ended_at: datetime | None = None


class Lead(ListedLead):
    """A lead with how it came to where it is."""

    history: list[Move] | None = None


class LeftOut(BaseModel):
    """Why a partner was not eligible."""

    partner_id: str
    reasons: list[str]


class Step(BaseModel):
    """One step of a rule that was tried."""

    index: int
    kind: str
    eligible: list[str] = []
    left_out: list[LeftOut] = []
    passed_because: str | None = None


class Turn(BaseModel):
    """The turn that a rotation gave."""

    key: str
    partner_id: str
    finish: int
    floor: int


class Decision(BaseModel):
    """How one routing was decided. `not_matched`: what kept each earlier rule from matching."""

    at: datetime | None = None
    asked: str
    rule: str | None = None
    rule_index: int | None = None
    rules_version: int | None = None
    not_matched: dict[str, list[str]] = {}
    steps: list[Step] = []
    partner_versions: dict[str, int] = {}
    excluded: list[str] = []
    input: str | None = None
    outcome: Move
    turn: Turn | None = None


class Decisions(BaseModel):
    """How each routing of a lead was decided, the latest last."""

    lead_id: str
    decisions: list[Decision]


class PoolCompany(BaseModel):
    """What a lead's company is like, and nothing that says which one it is."""

    country: str | None = None
    region: str | None = None
    industry: str | None = None
    employees: int | None = None


class PoolLead(BaseModel):
    """A lead that may be claimed."""

    lead_id: str
    since: datetime | None = None
    closes_at: datetime | None = None
    product: str | None = None
    score: float | None = None
    company: PoolCompany


class CompanySize(BaseModel):
    """Employees of the companies that a partner works for."""

    min: int | None = None
    max: int | None = None


class Capacity(BaseModel):
    """How much a partner can work on."""

    open_leads: int


class Partner(BaseModel):
    """A partner as it stands."""

    id: str
    name: str
    status: Literal["active", "paused", "ended"]
    type: str | None = None
    tier: str
    territories: list[str]
    industries: list[str]
    products: list[str]
    certifications: list[str]
    company_size: CompanySize | None = None
    capacity: Capacity | None = None
    weight: int
    parent_id: str | None = None
    cam: str | None = None
    version: int


class Rule(BaseModel):
    """A rule: the first one whose condition holds says in `then` what is tried, one step after the other."""

    name: str
    when: dict[str, Any] = {}
    then: list[dict[str, Any]]
    reveal: Literal["assigned", "accepted"] | None = None


class Rules(BaseModel):
    """The rules in force, as they were put."""

    account: Literal["follow", "ignore"] | None = None
    rules: list[Rule]
    otherwise: dict[str, Any] = Field(examples=[{"retain": {"queue": "inside-sales"}}])

"""What ingest's routes answer with, as its OpenAPI says it. A field that does not apply is left out, or null."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from leadway.facts.terms import Origin
from leadway.web import CompanyBody, MoneyBody, TermBody


class Campaign(BaseModel):
    """A campaign as it stands."""

    id: str
    codes: list[str]
    name: str
    tactic: str
    geography: str | None = None
    partner_id: str | None = None
    version: int


class Booked(BaseModel):
    """Spend that was booked on a campaign."""

    id: str
    spend_id: str
    campaign_id: str
    amount: MoneyBody
    from_: date = Field(alias="from")
    to: date
    funded_by: Literal["vendor", "partner", "mdf"]


class FieldMap(BaseModel):
    """How a source's own names become ours."""

    fields: dict[str, str] = {}
    events: dict[str, str] = {}


class Source(BaseModel):
    """A source of leads as it stands; `url` is where its tool posts to."""

    id: str
    name: str
    kind: str
    campaign: str | None = None
    partner_id: str | None = None
    origin: Origin = "vendor"
    origins: list[str] = []
    map: FieldMap = FieldMap()
    version: int
    url: str


class NewSource(Source):
    """A source that was just made. Its key is shown here and never again."""

    key: str


class Entry(BaseModel):
    """A code, its label, and the sayings that mean it."""

    code: str
    label: str
    aliases: list[str] = []


class VocabularyPut(BaseModel):
    """A vocabulary as it was put."""

    entries: list[Entry]
    version: int


class Saying(BaseModel):
    """What was said, in how many leads."""

    said: str
    leads: int


class Vocabulary(VocabularyPut):
    """A vocabulary with the sayings that it has no code for, the most frequent first."""

    unmapped: list[Saying]


class Person(BaseModel):
    """The prospect. `phone` is E.164 where it could be read, else as said."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


class Consent(BaseModel):
    """What the person allowed or refused."""

    purpose: Literal["processing", "partner_sharing", "marketing"]
    granted: bool
    at: datetime | None = None


class Lead(BaseModel):
    """A lead as it was captured, with what later touches added. `touches`: how many there were."""

    lead_id: str
    person_id: str
    company_id: str | None
    person: Person | None
    company: CompanyBody
    product: TermBody | None
    origin: Origin
    brought_by: str | None
    source_id: str
    previous_lead_id: str | None
    consent: list[Consent]
    fields: dict[str, str]
    captured_at: datetime
    last_touched_at: datetime
    touches: int
    state: Literal["open", "closed"]


class FoundLead(BaseModel):
    """A lead of the person or company that was asked for. `product`: its code, else what was said."""

    lead_id: str
    person_id: str
    company_id: str | None
    domain: str | None
    product: str | None
    captured_at: datetime
    closed: bool


class HeldSubmission(BaseModel):
    """A submission without a lead: its body as text where it is text, else in base64."""

    held_id: str
    source_id: str
    reason: str
    received_at: datetime
    body: str | None = None
    body_base64: str | None = None


class Taken(BaseModel):
    """What came of a native submission: captured, touched, duplicate, test or held; more may come."""

    lead_id: str | None = None
    outcome: str

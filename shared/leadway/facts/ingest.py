"""What ingest says: leads, touches, campaigns, sources, vocabularies."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire
from leadway.facts.personal import Sealed
from leadway.facts.terms import Company, Consent, Money, Origin, Term, Touch


@wire("lead.captured.v1", source="ingest")
class LeadCaptured(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """A person's interest in a product became a lead."""

    lead_id: str
    person_id: str
    company_id: str | None = None
    origin: Origin = "vendor"
    brought_by: str | None = None
    source_id: str
    company: Company = Company()
    product: Term | None = None
    touch: Touch
    consent: tuple[Consent, ...] = ()
    previous_lead_id: str | None = None
    personal: Sealed


@wire("lead.touched.v1", source="ingest")
class LeadTouched(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The prospect of an open lead was in touch with the vendor's marketing again.

    `product` is set when the touch names the product of a lead that named none; `company` holds only what is new.
    """

    lead_id: str
    person_id: str
    company_id: str | None = None  # set when the touch made it known
    source_id: str
    company: Company | None = None
    product: Term | None = None
    touch: Touch
    consent: tuple[Consent, ...] = ()
    personal: Sealed | None = None


@wire("interest.closed.v1", source="ingest")
class InterestClosed(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead takes no more touches: the person's next submission is a new lead."""

    lead_id: str
    person_id: str
    closed_by: str  # the lead.closed fact's id
    personal: Sealed | None = None  # the person's e-mail digest, by which its next submission finds the lead


@wire("interest.reopened.v1", source="ingest")
class InterestReopened(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead was reopened and takes touches again."""

    lead_id: str
    person_id: str
    reopened_by: str  # the lead.reopened fact's id
    personal: Sealed | None = None  # as in interest.closed


@wire("campaign.changed.v1", source="ingest")
class CampaignChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign as it stands: the codes that name it, its tactic and geography. entity_id: cmp_…"""

    codes: tuple[str, ...]
    name: str
    tactic: str
    geography: str | None = None
    partner_id: str | None = None  # co-branded with


class Spend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One booking of spend: an amount (negative corrects), the days that it covers, who paid."""

    spend_id: str
    amount: Money
    from_: date = msgspec.field(name="from")
    to: date
    funded_by: Literal["vendor", "partner", "mdf"]


@wire("campaign-spend.changed.v1", source="ingest")
class CampaignSpendChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """All spend booked on a campaign so far, in order of booking. entity_id: the campaign's cmp_…"""

    entries: tuple[Spend, ...]


class SourceMap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a source's own names become ours: form fields to our fields, tool events to touch kinds."""

    fields: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    events: dict[str, str] = msgspec.field(default_factory=dict[str, str])


@wire("source.changed.v1", source="ingest")
class SourceChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A source of leads as it stands. entity_id: src_…; `key_mac` is an HMAC of its key, hex."""

    name: str
    kind: Literal["native", "hubspot-form", "google-ads", "segment-track", "csv"]
    key_mac: str
    campaign: str | None = None  # a campaign code, used where a submission names none
    partner_id: str | None = None
    origin: Origin = "vendor"
    origins: tuple[str, ...] = ()  # allowed for CORS
    map: SourceMap = SourceMap()


class VocabularyEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code with its label and the sayings that mean it."""

    code: str
    label: str
    aliases: tuple[str, ...] = ()


@wire("vocabulary.changed.v1", source="ingest")
class VocabularyChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A vocabulary as it stands. entity_id: `product` or `industry`."""

    entries: tuple[VocabularyEntry, ...]

"""The words that several facts share."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word of a vocabulary: its `code` where an alias is known, and what was `said`."""

    code: str | None = None
    said: str | None = None


class Money(msgspec.Struct, frozen=True):
    """An amount in integer minor units of an ISO 4217 currency."""

    minor: int
    currency: str


class Company(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The prospect's company. `country` is ISO 3166-1 alpha-2; `domain` is registrable and never a free-mail one."""

    name: str | None = None
    domain: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    industry: Term | None = None
    employees: int | None = None


class CampaignSaid(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a submission named its campaign: every saying is kept, so that a code added later collects it."""

    campaign_id: str | None = None
    said: tuple[str, ...] = ()  # in the order in which they are tried: explicit, utm, the source's own
    version: int | None = None  # of the campaign's catalog entry


class Touch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contact of the prospect with the vendor's marketing. `kind` is an open dotted name."""

    kind: str
    occurred_at: datetime
    asset: str | None = None  # a code-like name; free text stays in `personal`
    campaign: CampaignSaid = CampaignSaid()


class Consent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the person allowed or refused; the text that they saw is in `personal`."""

    purpose: Literal["processing", "partner_sharing", "marketing"]
    granted: bool
    at: datetime | None = None


class KeyTurn(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a fact takes (`n`) or frees (`freed`) a key that spans leads: the order is the key's own, not the log's."""

    key: str
    n: int
    freed: bool = False


Origin = Literal["vendor", "partner", "referral", "marketplace"]

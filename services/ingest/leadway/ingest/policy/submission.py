"""What a submission says, whatever tool sent it, and what came of reading it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from leadway.decider import Fault
from leadway.facts.terms import Origin

Purpose = Literal["processing", "partner_sharing", "marketing"]
How = Literal["explicit", "utm"]

PURPOSES: Final[tuple[Purpose, ...]] = ("processing", "partner_sharing", "marketing")
DEFAULT_TOUCH: Final = "form.submitted"


class TouchSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the person did: `kind` is an open dotted name, `asset` and `url` are as said."""

    kind: str = DEFAULT_TOUCH
    asset: str | None = None
    url: str | None = None


class PersonSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person. `email` is normalised and None where what was said is none; `phone` is E.164 where it can be read."""

    email: str | None = None
    email_said: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    phone_said: str | None = None


class CompanySaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The company. `domain` is registrable and never a free-mail one; it follows from the e-mail where none was said.

    `country` is ISO 3166-1 alpha-2, None where what was said names no country. `employees` is the lower end of a
    range.
    """

    name: str | None = None
    domain: str | None = None
    country: str | None = None
    country_said: str | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    industry: str | None = None  # as said
    employees: int | None = None


class CampaignCode(msgspec.Struct, frozen=True):
    """A campaign's name as said, and how it was."""

    code: str
    how: How


class Utm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The campaign parameters of an address, as said."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


class ConsentSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the person allowed or refused, once for each purpose, and the text that they saw."""

    purpose: Purpose
    granted: bool
    text: str | None = None
    at: datetime | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One submission. All of it is personal but for its words for company, product and campaign.

    `submission_key` tells a resend from a new submission within its source, None where nothing does.
    `occurred_at` is never after it was received. `fields` holds every answer that has no place of its own.
    """

    submission_key: str | None = None
    occurred_at: datetime
    test: bool = False
    touch: TouchSaid = TouchSaid()
    person: PersonSaid = PersonSaid()
    company: CompanySaid = CompanySaid()
    product: str | None = None
    campaigns: tuple[CampaignCode, ...] = ()
    utm: Utm = Utm()
    consent: tuple[ConsentSaid, ...] = ()
    fields: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    origin: Origin | None = None

    def campaigns_said(self, of_source: str | None = None) -> tuple[str, ...]:
        """Every name of the campaign in the order in which they are tried, each once; the source's own comes last."""
        said = [each.code for each in self.campaigns] + ([of_source] if of_source else [])
        return tuple(dict.fromkeys(said))


class Accepted(msgspec.Struct, frozen=True):
    """A submission with a usable e-mail."""

    submission: Submission


class Held(msgspec.Struct, frozen=True):
    """A tool's right shape from which no lead can be made: to be stored, so that nothing is lost."""

    submission: Submission
    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """A call that is no submission, though it is rightly sent here."""

    reason: str


Reading = Accepted | Held | Ignored


class RowError(msgspec.Struct, frozen=True):
    """A row that was not taken, and every fault in it."""

    errors: tuple[Fault, ...]


class Row(msgspec.Struct, frozen=True):
    """A row of a file; the first one after the header is number 1."""

    number: int
    outcome: Accepted | RowError

"""Building a submission out of the names and values of a tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadway.companies import company_domain
from leadway.ingest.policy.companies import employees
from leadway.ingest.policy.countries import country_code
from leadway.ingest.policy.emails import email_domain, normalise_email
from leadway.ingest.policy.kinds._names import CONSENT, CONSENTS, FIELD, OWN, UTMS, known_target
from leadway.ingest.policy.kinds._texts import (
    FIELD_NAME_LENGTH_MAX,
    FIELDS_MAX,
    NAME_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    URL_LENGTH_MAX,
    query_of,
    text_of,
)
from leadway.ingest.policy.phones import e164
from leadway.ingest.policy.submission import (
    Accepted,
    CampaignCode,
    CompanySaid,
    ConsentSaid,
    Held,
    How,
    PersonSaid,
    Purpose,
    Submission,
    TouchSaid,
    Utm,
)
from leadway.words import squeezed

NO_EMAIL: Final = "no usable e-mail"
CODES_MAX: Final = 10
_CODE_LENGTH_MAX: Final = 200
_LONG: Final = {"url": URL_LENGTH_MAX, "product": NAME_LENGTH_MAX, "campaign": _CODE_LENGTH_MAX}
# A sharing of the data with partners is told from marketing by what the person read: the tools have no word for it.
_PARTNER: Final = re.compile(
    r"partn|resell|wiederverk|händler|haendler|revendeur|distribu|rivendit|dealer", re.IGNORECASE
)
_NO: Final = frozenset("false no nein non nie não nao nee 0 off f n unchecked".split())  # noqa: SIM905  words in rows read better
_PARTICLES: Final = frozenset(
    "de da do dos das del della di du la le van von der den ten ter zu zum zur el al bin".split()  # noqa: SIM905  words in rows read better
)


class Draft:
    """A submission as it is put together; of two values for one field the first that is not blank stays."""

    def __init__(self, own_map: Mapping[str, str]) -> None:
        self._map = own_map
        self._values: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._codes: dict[str, How] = {}
        self._consent: dict[Purpose, ConsentSaid] = {}

    def knows(self, name: str) -> bool:
        """Whether the source's own map speaks of this name."""
        return squeezed(name) in self._map

    def put(self, name: str, value: object, *, target: str | None = None) -> None:
        """A value under the tool's name for it. The source's map goes first, then `target`, then the words known."""
        found = self._map.get(squeezed(name)) or target or known_target(name) or FIELD + name
        text = text_of(value, _LONG.get(found, NAME_LENGTH_MAX) if found in OWN else TEXT_LENGTH_MAX)
        if not text:
            return
        if found in CONSENTS:
            self.consent(found, granted=text.casefold() not in _NO)
        elif found.startswith(FIELD):
            self.field(found.removeprefix(FIELD), text)
        elif self._values.setdefault(found, text) != text:
            self.field(name, text)

    def field(self, name: str, value: object) -> None:
        """An answer without a place of its own."""
        text = text_of(value)
        if text and len(self._fields) < FIELDS_MAX:
            self._fields.setdefault(text_of(name, FIELD_NAME_LENGTH_MAX) or "unnamed", text)

    def code(self, code: object) -> None:
        """A campaign named outright."""
        text = text_of(code, _CODE_LENGTH_MAX)
        if text and len(self._codes) < CODES_MAX:
            self._codes.setdefault(text, "explicit")

    def page(self, url: object) -> None:
        """The address of the page, with the campaign in its parameters."""
        text = text_of(url, URL_LENGTH_MAX)
        self.put("url", text, target="url")
        for name, value in query_of(text).items():
            if name in UTMS:
                self._values.setdefault(name, text_of(value, _CODE_LENGTH_MAX))

    def consent(self, purpose: str, *, granted: bool, text: object = None, at: datetime | None = None) -> None:
        """What was allowed or refused; said twice for one purpose, a refusal counts."""
        name: Purpose = purpose.removeprefix(CONSENT)  # type: ignore[assignment]
        before = self._consent.get(name)
        texts = [each for each in (before.text if before else None, text_of(text)) if each]
        both = granted and (before is None or before.granted)
        self._consent[name] = ConsentSaid(
            purpose=name, granted=both, text="\n".join(texts)[:TEXT_LENGTH_MAX] or None, at=at
        )

    def subscription(self, number: object, *, granted: bool, text: object) -> None:
        """A subscription that was ticked or not: by the source's map (`subscription:999`), else by its text."""
        said = self._map.get(squeezed(f"subscription:{text_of(number)}"))
        if said is None or said not in CONSENTS:
            said = CONSENT + ("partner_sharing" if _PARTNER.search(text_of(text)) else "marketing")
        self.consent(said, granted=granted, text=text)

    def reading(self, *, occurred_at: datetime, key: str | None, kind: str, test: bool = False) -> Accepted | Held:
        """What came of it: held where nobody can be reached by it."""
        submission = self.submission(occurred_at=occurred_at, key=key, test=test, kind=kind)
        return Accepted(submission) if submission.person.email else Held(submission, NO_EMAIL)

    def submission(self, *, occurred_at: datetime, key: str | None, kind: str, test: bool = False) -> Submission:
        """The submission as far as it was said."""
        values = self._values
        person = self._person()
        utm = Utm(**{name.removeprefix("utm_"): values[name] for name in UTMS if name in values})
        self.code(values.get("campaign"))
        if utm.campaign:
            self._codes.setdefault(utm.campaign, "utm")
        return Submission(
            submission_key=key,
            occurred_at=occurred_at,
            test=test,
            touch=TouchSaid(kind=kind, asset=values.get("asset"), url=values.get("url")),
            person=person,
            company=company_said(values, person.email),
            product=values.get("product"),
            campaigns=tuple(CampaignCode(code, how) for code, how in self._codes.items()),
            utm=utm,
            consent=tuple(self._consent.values()),
            fields=self._fields,
        )

    def _person(self) -> PersonSaid:
        values = self._values
        first, last = values.get("first_name"), values.get("last_name")
        if not first and not last and "full_name" in values:
            first, last = split_name(values["full_name"])
        phone = values.get("phone")
        return PersonSaid(
            email=normalise_email(values.get("email")),
            email_said=values.get("email"),
            first_name=first or None,
            last_name=last or None,
            phone=e164(phone, country_code(values.get("country"))),
            phone_said=phone,
        )


def company_said(values: Mapping[str, str], email: str | None) -> CompanySaid:
    """The company out of our field names; its domain is what was said, else that of the e-mail."""
    return CompanySaid(
        name=values.get("company"),
        domain=company_domain(values.get("domain")) or (company_domain(email_domain(email)) if email else None),
        country=country_code(values.get("country")),
        country_said=values.get("country"),
        region=values.get("region"),
        city=values.get("city"),
        postal_code=values.get("postal_code"),
        industry=values.get("industry"),
        employees=employees(values.get("employees")),
    )


def split_name(said: str) -> tuple[str | None, str | None]:
    """First and last name: "Jan van der Berg" is Jan / van der Berg, "Whitfield, Dana" is Dana / Whitfield."""
    last, comma, first = said.partition(",")
    if comma and first.strip() and last.strip():
        return first.strip(), last.strip()
    words = said.split()
    if len(words) < 2:  # noqa: PLR2004  one word is the whole name
        return (words[0] if words else None), None
    start = len(words) - 1
    while start > 1 and words[start - 1].casefold() in _PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])

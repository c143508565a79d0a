"""Leadway's own submission: strict, because the people who send it can put right what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from leadway.companies import company_domain
from leadway.decider import Fault
from leadway.ingest.policy.companies import employees
from leadway.ingest.policy.countries import country_code
from leadway.ingest.policy.emails import email_domain, normalise_email
from leadway.ingest.policy.kinds._json import read_json
from leadway.ingest.policy.kinds._strict import escaped, faults_in
from leadway.ingest.policy.kinds._texts import AGE_MAX, AHEAD_MAX, mapping, text_of
from leadway.ingest.policy.phones import e164
from leadway.ingest.policy.refusals import BadPayload
from leadway.ingest.policy.submission import (
    DEFAULT_TOUCH,
    Accepted,
    CampaignCode,
    CompanySaid,
    ConsentSaid,
    PersonSaid,
    Submission,
    TouchSaid,
    Utm,
)

FAULTS_MAX: Final = 50

Short = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=8_000)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Kind = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$",
        max_length=100,
        description="words joined by dots, in lower case, such as form.submitted",
    ),
]
Headcount = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Scalar = str | int | float | bool


class NativeTouch(msgspec.Struct, forbid_unknown_fields=True):
    """What the person did."""

    kind: Kind
    asset: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    url: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None


class NativePerson(msgspec.Struct, forbid_unknown_fields=True):
    """Who it is."""

    email: Annotated[str, msgspec.Meta(max_length=320)]
    first_name: Short | None = None
    last_name: Short | None = None
    phone: Annotated[str, msgspec.Meta(max_length=60)] | None = None


class NativeCompany(msgspec.Struct, forbid_unknown_fields=True):
    """Where they work; `country` is a code or a name, `employees` a number or a range as text."""

    name: Short | None = None
    domain: Annotated[str, msgspec.Meta(max_length=253)] | None = None
    country: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    region: Short | None = None
    city: Short | None = None
    postal_code: Annotated[str, msgspec.Meta(max_length=30)] | None = None
    industry: Short | None = None
    employees: Headcount | Annotated[str, msgspec.Meta(max_length=60)] | None = None


class NativeUtm(msgspec.Struct, forbid_unknown_fields=True):
    """The campaign parameters of the page's address."""

    source: Short | None = None
    medium: Short | None = None
    campaign: Short | None = None
    term: Short | None = None
    content: Short | None = None


class NativeConsent(msgspec.Struct, forbid_unknown_fields=True):
    """What was allowed or refused."""

    purpose: Literal["processing", "partner_sharing", "marketing"]
    granted: bool
    text: Long | None = None
    at: Instant | None = None


class NativeSubmission(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a native submission."""

    person: NativePerson
    submission_id: Short | None = None
    occurred_at: Instant | None = None
    test: bool | None = None
    touch: NativeTouch | None = None
    company: NativeCompany | None = None
    product: Short | None = None
    campaign: Short | None = None
    utm: NativeUtm | None = None
    consent: Annotated[tuple[NativeConsent, ...], msgspec.Meta(max_length=20)] | None = None
    fields: Annotated[dict[str, Long | int | float | bool | None], msgspec.Meta(max_length=100)] | None = None


# Consent may be old, but what it is dated by must be an instant in every zone.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOO_LATE: Final = datetime(9999, 1, 1, tzinfo=UTC)
_DECODER: Final = msgspec.json.Decoder(NativeSubmission)
_NOWHERE: Final = NativeCompany()
_EMPTY: Final[dict[str, str]] = {}
_FIELD_NAME_LENGTH_MAX: Final = 120


def read_native(body: bytes, *, received_at: datetime) -> Accepted:
    """Read a submission. Its key is `submission_id`; None where it has none. Raises BadPayload, UnreadablePayload.

    `occurred_at` may be a day ahead of `received_at` (a wrong clock, taken for the moment of receipt), not more, and
    ten years behind it.
    """
    try:
        said = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    # JSON can hold a NUL only in this spelling; where it stands is worked out only if it is there.
    if said is None or b"\\u0000" in body:
        said = _examine(body, received_at)
    email = normalise_email(said.person.email)
    faults = _faults_of_values(said, email, received_at)
    if email is None or faults:
        raise BadPayload("The submission was not taken.", faults[:FAULTS_MAX])
    return Accepted(_submission(said, email, received_at))


def _examine(body: bytes, received_at: datetime) -> NativeSubmission:
    """What is wrong with a body that does not decode, all of it."""
    document = read_json(body)
    faults = list(faults_in(document, NativeSubmission))
    try:
        said = msgspec.convert(document, NativeSubmission)
    except msgspec.ValidationError:
        faults = faults or [Fault("#", "is not a submission")]
        faults.extend(_faults_beside(document, {fault.pointer for fault in faults}, received_at))
    else:
        if not faults:
            return said
        faults.extend(_faults_of_values(said, normalise_email(said.person.email), received_at))
    raise BadPayload("The submission was not taken.", faults[:FAULTS_MAX])


def _faults_beside(document: object, named: set[str], received_at: datetime) -> list[Fault]:
    """The faults of the values that could be read although others could not."""
    said = mapping(document)
    email, moment = mapping(said.get("person")).get("email"), said.get("occurred_at")
    found: list[Fault] = []
    if isinstance(email, str) and "#/person/email" not in named:
        found.extend(_email_faults(email))
    if isinstance(moment, str) and "#/occurred_at" not in named:
        found.extend(_moment_faults(msgspec.convert(moment, datetime), received_at))
    return found


def _faults_of_values(said: NativeSubmission, email: str | None, received_at: datetime) -> list[Fault]:
    found = [] if email else _email_faults(said.person.email)
    if said.occurred_at is not None:
        found.extend(_moment_faults(said.occurred_at, received_at))
    for name in said.fields or _EMPTY:
        if not name.strip() or len(name) > _FIELD_NAME_LENGTH_MAX:
            problem = f"has a name that is blank or longer than {_FIELD_NAME_LENGTH_MAX} characters"
            found.append(Fault(f"#/fields/{escaped(name)}", problem))
        elif "\0" in name:
            found.append(Fault(f"#/fields/{escaped(name)}".replace("\0", ""), "has a NUL character in its name"))
    if said.consent:
        found.extend(_consent_faults(said.consent))
    return found


def _consent_faults(consents: tuple[NativeConsent, ...]) -> Iterator[Fault]:
    purposes = [each.purpose for each in consents]
    for index, each in enumerate(consents):
        if each.purpose in purposes[:index]:
            yield Fault(f"#/consent/{index}/purpose", "is named twice")
        if each.at is not None and not _EARLIEST <= each.at < _TOO_LATE:
            yield Fault(f"#/consent/{index}/at", "must be in the years 1970 to 9998, in UTC")


def _email_faults(email: str) -> list[Fault]:
    if not email.strip():
        return [Fault("#/person/email", "is required")]
    return [] if normalise_email(email) else [Fault("#/person/email", "is not an e-mail address")]


def _moment_faults(occurred_at: datetime, received_at: datetime) -> list[Fault]:
    if occurred_at > received_at + AHEAD_MAX:
        return [Fault("#/occurred_at", "is in the future")]
    if occurred_at < received_at - AGE_MAX:
        return [Fault("#/occurred_at", "is more than ten years ago")]
    return []


def _submission(said: NativeSubmission, email: str, received_at: datetime) -> Submission:
    company = said.company or _NOWHERE
    country = _said(company.country)
    utm = Utm() if said.utm is None else _utm(said.utm)
    occurred_at = received_at if said.occurred_at is None else min(said.occurred_at.astimezone(UTC), received_at)
    return Submission(
        submission_key=_said(said.submission_id),
        occurred_at=occurred_at,
        test=bool(said.test),
        touch=TouchSaid() if said.touch is None else _touch(said.touch),
        person=_person(said.person, email, country),
        company=_company(company, email, country),
        product=_said(said.product),
        campaigns=_campaigns(_said(said.campaign), utm.campaign),
        utm=utm,
        consent=tuple(_consent(each) for each in said.consent or ()),
        fields={} if said.fields is None else _fields(said.fields),
    )


def _person(said: NativePerson, email: str, country: str | None) -> PersonSaid:
    phone = _said(said.phone)
    return PersonSaid(
        email=email,
        email_said=said.email,
        first_name=_said(said.first_name),
        last_name=_said(said.last_name),
        phone=e164(phone, country_code(country)) if phone else None,
        phone_said=phone,
    )


def _company(said: NativeCompany, email: str, country: str | None) -> CompanySaid:
    return CompanySaid(
        name=_said(said.name),
        domain=company_domain(_said(said.domain)) or company_domain(email_domain(email)),
        country=country_code(country),
        country_said=country,
        region=_said(said.region),
        city=_said(said.city),
        postal_code=_said(said.postal_code),
        industry=_said(said.industry),
        employees=employees(said.employees),
    )


def _touch(said: NativeTouch) -> TouchSaid:
    return TouchSaid(kind=said.kind or DEFAULT_TOUCH, asset=_said(said.asset), url=_said(said.url))


def _utm(said: NativeUtm) -> Utm:
    return Utm(
        source=_said(said.source),
        medium=_said(said.medium),
        campaign=_said(said.campaign),
        term=_said(said.term),
        content=_said(said.content),
    )


def _campaigns(explicit: str | None, utm: str | None) -> tuple[CampaignCode, ...]:
    said = (CampaignCode(explicit, "explicit"),) if explicit else ()
    return (*said, CampaignCode(utm, "utm")) if utm and utm != explicit else said


def _consent(said: NativeConsent) -> ConsentSaid:
    at = said.at.astimezone(UTC) if said.at else None
    return ConsentSaid(purpose=said.purpose, granted=said.granted, text=_said(said.text), at=at)


def _fields(said: dict[str, str | int | float | bool | None]) -> dict[str, str]:
    return {name: text for name, value in said.items() if (text := text_of(value))}


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text else None

"""Deciding whether a submission is a new lead or one more touch of a lead that is already there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from leadway.decider import Decider
from leadway.facts import Fact
from leadway.facts.ingest import InterestClosed, InterestReopened, LeadCaptured, LeadTouched
from leadway.facts.personal import Sealed, SubmissionDetails, seal, unseal
from leadway.facts.terms import Company, Consent, Origin, Term, Touch

Outcome = Literal["captured", "touched", "duplicate"]


# Commands


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A submission with a usable e-mail. The second block of fields is filled in under the lock."""

    source_id: str
    origin: Origin
    brought_by: str | None
    email_digest: str
    submission_digest: str | None
    company: Company
    domain: str | None  # the e-mail's, where it is not a free-mail one
    product_said: str | None
    industry_said: str | None
    campaigns_said: tuple[str, ...]
    touch_kind: str
    asset: str | None
    occurred_at: datetime | None
    consent: tuple[Consent, ...]
    details: SubmissionDetails

    outcome: Outcome = "captured"
    lead_id: str = ""
    person_id: str = ""
    company_id: str | None = None
    previous_lead_id: str | None = None
    product: Term | None = None
    touch: Touch | None = None


class CloseInterest(msgspec.Struct, frozen=True):
    """Somebody closed the lead."""

    lead_id: str
    closed_by: str


class ReopenInterest(msgspec.Struct, frozen=True):
    """Somebody reopened the lead."""

    lead_id: str
    reopened_by: str


Command = Capture | CloseInterest | ReopenInterest


# State


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """No submission led to this lead (a partner may have brought it)."""


class Interest(msgspec.Struct, frozen=True, kw_only=True, tag="interest"):
    """A person's interest in a product, or in none named yet."""

    lead_id: str
    person_id: str
    email_digest: str
    company_id: str | None
    company: Company
    product: Term | None
    origin: Origin
    brought_by: str | None
    source_id: str
    previous_lead_id: str | None
    consent: tuple[Consent, ...]
    captured_at: datetime
    touched_at: datetime
    touches: int
    personal: Sealed
    closed: bool = False


State = Unknown | Interest


def evolve(state: State, fact: Fact) -> State:
    """Fold one of ingest's own facts."""
    match fact, state:
        case LeadCaptured(), _:
            return _captured(fact)
        case LeadTouched(), Interest():
            return msgspec.structs.replace(
                state,
                product=fact.product or state.product,
                company=merged(state.company, fact.company),
                company_id=fact.company_id or state.company_id,
                consent=latest_consent(state.consent, fact.consent),
                touched_at=max(state.touched_at, fact.touch.occurred_at),
                touches=state.touches + 1,
            )
        case InterestClosed(), Interest():
            return msgspec.structs.replace(state, closed=True)
        case InterestReopened(), Interest():
            return msgspec.structs.replace(state, closed=False)
        case _:
            return state


def decide(command: Command, state: State) -> Sequence[Fact]:
    """Facts that follow from a command; none where it was done before."""
    match command, state:
        case Capture(outcome="captured"), Unknown():
            return [_capture(command)]
        case Capture(outcome="touched"), Interest(closed=False):
            return [_touch(command, state)]
        case CloseInterest(), Interest(closed=False):
            digest = seal(SubmissionDetails(email_digest=state.email_digest))
            return [
                InterestClosed(
                    lead_id=state.lead_id, person_id=state.person_id, closed_by=command.closed_by, personal=digest
                )
            ]
        case ReopenInterest(), Interest(closed=True):
            digest = seal(SubmissionDetails(email_digest=state.email_digest))
            return [
                InterestReopened(
                    lead_id=state.lead_id, person_id=state.person_id, reopened_by=command.reopened_by, personal=digest
                )
            ]
        case _:
            return []


LEADS: Decider[Command, State, Fact] = Decider(Unknown(), decide, evolve)


# Helpers


def merged(known: Company, said: Company | None) -> Company:
    """What is known of a company, with what was newly said filling the gaps: the first saying stays."""
    if said is None:
        return known
    new = {name: getattr(said, name) for name in Company.__struct_fields__ if getattr(known, name) is None}
    return msgspec.structs.replace(known, **new)


def news(known: Company, said: Company) -> Company | None:
    """What was newly said of a company, and only that; None where nothing was."""
    new = {name: value for name in Company.__struct_fields__ if (value := getattr(said, name)) is not None}
    new = {name: value for name, value in new.items() if getattr(known, name) is None}
    return Company(**new) if new else None


def captured_at(fact: LeadCaptured, details: SubmissionDetails | None) -> datetime:
    """When the submission came in; what it told of may have occurred long before. `details`: the fact's, unsealed."""
    return (details.received_at if details else None) or fact.touch.occurred_at


def latest_consent(known: tuple[Consent, ...], said: tuple[Consent, ...]) -> tuple[Consent, ...]:
    """One consent for each purpose: what was said last."""
    by_purpose = {each.purpose: each for each in (*known, *said)}
    return tuple(by_purpose[purpose] for purpose in sorted(by_purpose))


def _capture(command: Capture) -> LeadCaptured:
    assert command.touch is not None  # noqa: S101 completed under the lock
    return LeadCaptured(
        lead_id=command.lead_id,
        person_id=command.person_id,
        company_id=command.company_id,
        origin=command.origin,
        brought_by=command.brought_by,
        source_id=command.source_id,
        company=command.company,
        product=command.product,
        touch=command.touch,
        consent=command.consent,
        previous_lead_id=command.previous_lead_id,
        personal=seal(command.details),
    )


def _touch(command: Capture, state: Interest) -> LeadTouched:
    assert command.touch is not None  # noqa: S101 completed under the lock
    return LeadTouched(
        lead_id=state.lead_id,
        person_id=state.person_id,
        company_id=command.company_id if state.company_id is None else None,
        source_id=command.source_id,
        company=news(state.company, command.company),
        product=command.product if state.product is None else None,
        touch=command.touch,
        consent=command.consent,
        personal=seal(command.details),
    )


def _captured(fact: LeadCaptured) -> Interest:
    details = unseal(fact.personal, SubmissionDetails)
    return Interest(
        lead_id=fact.lead_id,
        person_id=fact.person_id,
        email_digest=(details.email_digest if details else None) or "",
        company_id=fact.company_id,
        company=fact.company,
        product=fact.product,
        origin=fact.origin,
        brought_by=fact.brought_by,
        source_id=fact.source_id,
        previous_lead_id=fact.previous_lead_id,
        consent=fact.consent,
        captured_at=captured_at(fact, details),
        touched_at=fact.touch.occurred_at,
        touches=1,
        personal=fact.personal,
    )

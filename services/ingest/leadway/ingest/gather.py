"""Which lead a submission belongs to: the identity rows of its person and of the submission itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from leadway.facts import Fact
from leadway.facts.ingest import (
    CampaignChanged,
    InterestClosed,
    InterestReopened,
    LeadCaptured,
    LeadTouched,
    VocabularyChanged,
)
from leadway.facts.personal import Sealed, SubmissionDetails, unseal
from leadway.facts.terms import CampaignSaid, Term, Touch
from leadway.ids import derive
from leadway.ingest.decider import Capture, Command, Interest, State, captured_at
from leadway.ingest.policy.vocabulary import Vocabulary
from leadway.stage import Around, Catalogs, Gathering, SharedFold
from leadway.words import code_key, term_key

EPOCH = datetime.fromtimestamp(0, UTC)
_OPEN_LEADS_MAX = 50  # of one person: past it a submission is a touch of the youngest, whatever product it names


_NO_WORDS = Vocabulary(())


class LeadOfPerson(msgspec.Struct, frozen=True, omit_defaults=True):
    """One lead of a person, as the choice between new lead and touch needs it."""

    lead_id: str
    product: str | None
    captured_at: datetime
    open: bool = True


class PersonRow(msgspec.Struct, frozen=True, tag="person"):
    """A person by the digest of its e-mail, with its leads by id."""

    person_id: str = ""
    leads: dict[str, LeadOfPerson] = {}


class SubmissionRow(msgspec.Struct, frozen=True, tag="submission"):
    """A submission that was seen, and the lead that it went to."""

    lead_id: str = ""


Row = PersonRow | SubmissionRow


def person_key(digest: str) -> str:
    """The identity row of a person."""
    return f"person:{digest}"


def submission_key(source_id: str, digest: str) -> str:
    """The identity row of a submission."""
    return f"submission:{source_id}:{digest}"


def company_id_of(domain: str | None) -> str | None:
    """A company's id follows from its registrable domain, so that every place finds the same one."""
    return derive("com", EPOCH, "domain", domain) if domain else None


# Which rows


def identity_keys(command: Command) -> Iterable[str]:
    """The rows that a submission is decided against."""
    if isinstance(command, Capture):
        yield person_key(command.email_digest)
        if command.submission_digest is not None:
            yield submission_key(command.source_id, command.submission_digest)


def identity_of_state(state: State) -> Iterable[str]:
    """The row of the person behind a lead."""
    if isinstance(state, Interest):
        yield person_key(state.email_digest)


def subjects(command: Command, rows: Mapping[str, Row]) -> Iterable[str]:
    """The open leads that a submission may turn out to touch."""
    if not isinstance(command, Capture):
        return ()
    person = rows.get(person_key(command.email_digest))
    if not isinstance(person, PersonRow):
        return ()
    return [lead.lead_id for lead in person.leads.values() if lead.open]


# Filling the command in


def complete(command: Command, around: Around) -> tuple[str, Command]:
    """Choose the lead, resolve the words, mint the ids."""
    if not isinstance(command, Capture):
        return around.subject, command
    if command.submission_digest is not None:
        seen = around.identity(submission_key(command.source_id, command.submission_digest))
        if seen.lead_id:
            return around.subject, msgspec.structs.replace(command, outcome="duplicate", lead_id=seen.lead_id)
    person: PersonRow = around.identity(person_key(command.email_digest))
    known = _resolved(command, around)
    lead = touched_lead(person, known["product"], _vocabulary_of(around.catalogs, "product"))
    if lead is not None:
        found = msgspec.structs.replace(
            command, outcome="touched", lead_id=lead.lead_id, person_id=person.person_id, **known
        )
        return lead.lead_id, found
    previous = max(person.leads.values(), key=lambda each: (each.captured_at, each.lead_id), default=None)
    new = msgspec.structs.replace(
        command,
        outcome="captured",
        lead_id=around.subject,
        person_id=person.person_id or around.id("per"),
        previous_lead_id=previous.lead_id if previous else None,
        **known,
    )
    return around.subject, new


def _resolved(command: Capture, around: Around) -> dict[str, Any]:
    """What the words of a submission mean by the catalogs in force."""
    catalogs = around.catalogs
    domain = command.company.domain or command.domain
    return {
        "company": msgspec.structs.replace(
            command.company, domain=domain, industry=term(catalogs, "industry", command.industry_said)
        ),
        "company_id": company_id_of(domain),
        "product": term(catalogs, "product", command.product_said),
        "touch": Touch(
            kind=command.touch_kind,
            occurred_at=min(command.occurred_at or around.now, around.now),
            asset=command.asset,
            campaign=campaign(catalogs, command.campaigns_said),
        ),
    }


def touched_lead(person: PersonRow, product: Term | None, vocabulary: Vocabulary = _NO_WORDS) -> LeadOfPerson | None:
    """The open lead that a submission of this person touches; None: it is a new lead.

    Without a product it goes to the youngest open lead. With one it goes to the open lead for that product, or to
    one that names none yet, which then takes it. `vocabulary` is asked again what a lead's product means: words
    without a code when the lead was captured may have one by now.
    """
    youngest_first = sorted(
        (lead for lead in person.leads.values() if lead.open),
        key=lambda each: (each.captured_at, each.lead_id),
        reverse=True,
    )
    wanted = term_key(product)
    if wanted is None or len(youngest_first) >= _OPEN_LEADS_MAX:
        return youngest_first[0] if youngest_first else None
    same = (lead for lead in youngest_first if lead.product and _same(lead.product, wanted, vocabulary))
    unnamed = (lead for lead in youngest_first if lead.product is None)
    return next(same, None) or next(unnamed, None)


def _same(product: str, wanted: str, vocabulary: Vocabulary) -> bool:
    return wanted in (product, vocabulary.lookup(product))


def term(catalogs: Catalogs, vocabulary: str, said: str | None) -> Term | None:
    """A saying with its code, where the vocabulary knows it."""
    if said is None or not said.strip():
        return None
    return Term(code=_vocabulary_of(catalogs, vocabulary).lookup(said), said=said)


def _vocabulary_of(catalogs: Catalogs, name: str) -> Vocabulary:
    return catalogs.memo(f"vocabulary:{name}", lambda every: _vocabulary(every, name))


def _vocabulary(catalogs: Catalogs, name: str) -> Vocabulary:
    entry = catalogs.get(VocabularyChanged, name)
    return Vocabulary(entry.entries if entry else ())


def campaign(catalogs: Catalogs, said: tuple[str, ...]) -> CampaignSaid:
    """The first code that names a campaign wins; every saying is kept."""
    by_code = catalogs.memo("campaigns", campaigns_by_code)
    for code in said:
        found = by_code.get(code_key(code))
        if found is not None:
            return CampaignSaid(campaign_id=found.entity_id, said=said, version=found.version)
    return CampaignSaid(said=said)


def campaigns_by_code(catalogs: Catalogs) -> Mapping[str, CampaignChanged]:
    """Campaigns by each of their codes, case folded."""
    every = catalogs.all(CampaignChanged)
    return {code_key(code): every[key] for key in sorted(every, reverse=True) for code in every[key].codes}


# The fold into identity rows


def _details(sealed: Sealed | None) -> SubmissionDetails:
    return unseal(sealed, SubmissionDetails) or SubmissionDetails()


def keys_of_fact(fact: Fact) -> Iterable[str]:
    """The identity rows that one of ingest's own facts changes."""
    if isinstance(fact, LeadCaptured | LeadTouched | InterestClosed | InterestReopened):
        details = _details(fact.personal)
        if details.email_digest:
            yield person_key(details.email_digest)
        if details.submission_digest and isinstance(fact, LeadCaptured | LeadTouched):
            yield submission_key(fact.source_id, details.submission_digest)


def evolve_row(_: str, row: Row, fact: Fact) -> Row:
    """Fold a fact into one identity row. Facts of different leads may come in any order."""
    if isinstance(row, SubmissionRow):
        return SubmissionRow(getattr(fact, "lead_id", row.lead_id))
    match fact:
        case LeadCaptured():
            lead = LeadOfPerson(fact.lead_id, term_key(fact.product), captured_at(fact, _details(fact.personal)))
        case LeadTouched() if fact.product is not None and fact.lead_id in row.leads:
            lead = msgspec.structs.replace(row.leads[fact.lead_id], product=term_key(fact.product))
        case InterestClosed() if fact.lead_id in row.leads:
            lead = msgspec.structs.replace(row.leads[fact.lead_id], open=False)
        case InterestReopened() if fact.lead_id in row.leads:
            lead = msgspec.structs.replace(row.leads[fact.lead_id], open=True)
        case _:
            return row
    person_id = getattr(fact, "person_id", row.person_id)
    return PersonRow(person_id, {**row.leads, lead.lead_id: lead})


IDENTITY = SharedFold(
    keys=keys_of_fact,
    initial=lambda key: SubmissionRow() if key.startswith("submission:") else PersonRow(),
    evolve=evolve_row,
    value_type=Row,
)
GATHERING = Gathering(
    identity_keys=identity_keys, identity_of_state=identity_of_state, subjects=subjects, complete=complete
)

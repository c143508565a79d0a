"""What is decided about a submission: a new lead or a touch, what is news, and the rows by which people are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from leadway.facts import Fact
from leadway.facts.ingest import InterestClosed, InterestReopened, LeadCaptured, LeadTouched, VocabularyEntry
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import CampaignSaid, Company, Consent, Term, Touch
from leadway.ingest.decider import LEADS, Capture, CloseInterest, Interest, ReopenInterest
from leadway.ingest.gather import (
    IDENTITY,
    LeadOfPerson,
    PersonRow,
    SubmissionRow,
    evolve_row,
    keys_of_fact,
    person_key,
    submission_key,
    touched_lead,
)
from leadway.ingest.policy.vocabulary import Vocabulary
from leadway.testing import given

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FORM = Touch(kind="form.submitted", occurred_at=NOON, campaign=CampaignSaid("cmp_1", ("spring",), 1))
MARTA = SubmissionDetails(
    person=Person(email="marta@szpital.pl"), email_digest="digest-of-marta", submission_digest="first", received_at=NOON
)
CAPTURED = LeadCaptured(
    lead_id="lead_1",
    person_id="per_1",
    company_id="com_1",
    source_id="src_1",
    company=Company(domain="szpital.pl", country="PL"),
    touch=FORM,
    personal=seal(MARTA),
)
CLOSED = InterestClosed(
    lead_id="lead_1",
    person_id="per_1",
    closed_by="fact_closed",
    personal=seal(SubmissionDetails(email_digest="digest-of-marta")),
)
REOPENED = InterestReopened(
    lead_id="lead_1",
    person_id="per_1",
    reopened_by="fact_reopened",
    personal=seal(SubmissionDetails(email_digest="digest-of-marta")),
)


def capture(**said: Any) -> Capture:
    """A submission as it is once the rows under the lock were asked."""
    command = Capture(
        source_id="src_1",
        origin="vendor",
        brought_by=None,
        email_digest="digest-of-marta",
        submission_digest="first",
        company=Company(domain="szpital.pl", country="PL"),
        domain="szpital.pl",
        product_said=None,
        industry_said=None,
        campaigns_said=("spring",),
        touch_kind="form.submitted",
        asset=None,
        occurred_at=NOON,
        consent=(),
        details=MARTA,
        lead_id="lead_1",
        person_id="per_1",
        company_id="com_1",
        touch=FORM,
    )
    return msgspec.structs.replace(command, **said)


# One lead


def test_a_first_submission_is_a_lead() -> None:
    given(LEADS).when(capture()).then(CAPTURED)


def test_what_a_submission_says_of_its_origin_and_product_is_on_the_fact() -> None:
    said = {"origin": "partner", "brought_by": "ptr_1", "product": Term("vna", "VNA"), "previous_lead_id": "lead_0"}
    given(LEADS).when(capture(**said)).then(msgspec.structs.replace(CAPTURED, **said))


def test_the_same_capture_twice_is_one_lead() -> None:
    given(LEADS).when(capture()).then(CAPTURED).when(capture()).then()


def test_a_duplicate_says_nothing() -> None:
    given(LEADS, CAPTURED).when(capture(outcome="duplicate")).then()


def test_a_touch_carries_only_what_is_new() -> None:
    said = Company(domain="other.pl", country="DE", city="Warszawa", industry=Term("health", "Szpital"))
    consent = (Consent(purpose="marketing", granted=True),)
    touched = LeadTouched(
        lead_id="lead_1",
        person_id="per_1",
        source_id="src_1",
        company=Company(city="Warszawa", industry=Term("health", "Szpital")),
        product=Term("vna", "VNA"),
        touch=FORM,
        consent=consent,
        personal=seal(MARTA),
    )
    command = capture(outcome="touched", company=said, company_id="com_2", product=Term("vna", "VNA"), consent=consent)
    after = given(LEADS, CAPTURED).when(command).then(touched)
    state = after.state
    assert isinstance(state, Interest)
    assert state.company == Company(
        domain="szpital.pl", country="PL", city="Warszawa", industry=Term("health", "Szpital")
    )
    assert (state.company_id, state.product, state.touches) == ("com_1", Term("vna", "VNA"), 2)
    again = after.when(msgspec.structs.replace(command, product=Term("pacs", "PACS"))).facts()
    assert [(fact.company, fact.product) for fact in again if isinstance(fact, LeadTouched)] == [(None, None)]


def test_a_company_that_was_not_known_becomes_known_by_a_touch() -> None:
    unknown = msgspec.structs.replace(CAPTURED, company=Company(), company_id=None)
    (touched,) = given(LEADS, unknown).when(capture(outcome="touched")).facts()
    assert isinstance(touched, LeadTouched)
    assert (touched.company_id, touched.company) == ("com_1", Company(domain="szpital.pl", country="PL"))


def test_the_last_word_on_a_consent_counts() -> None:
    granted, refused = (Consent(purpose="partner_sharing", granted=each) for each in (True, False))
    first = msgspec.structs.replace(CAPTURED, consent=(granted,))
    (touched,) = given(LEADS, first).when(capture(outcome="touched", consent=(refused,))).facts()
    state = given(LEADS, first, touched).state
    assert isinstance(state, Interest)
    assert state.consent == (refused,)


def test_a_lead_was_captured_when_the_submission_came_in() -> None:
    earlier = msgspec.structs.replace(FORM, occurred_at=NOON - timedelta(days=900))
    state = given(LEADS, msgspec.structs.replace(CAPTURED, touch=earlier)).state
    assert isinstance(state, Interest)
    assert state.captured_at == NOON


def test_an_interest_closes_once_and_takes_no_more_touches() -> None:
    close = CloseInterest("lead_1", "fact_closed")
    closed = given(LEADS, CAPTURED).when(close).then(CLOSED)
    closed.when(close).then()
    closed.when(capture(outcome="touched")).then()


def test_a_closed_interest_may_be_reopened() -> None:
    reopen = ReopenInterest("lead_1", "fact_reopened")
    given(LEADS, CAPTURED).when(reopen).then()
    opened = given(LEADS, CAPTURED, CLOSED).when(reopen).then(REOPENED)
    assert len(opened.when(capture(outcome="touched")).facts()) == 1


@pytest.mark.parametrize("command", [CloseInterest("lead_9", "fact_1"), ReopenInterest("lead_9", "fact_1")])
def test_a_lead_that_a_partner_brought_is_not_ours_to_close(command: CloseInterest | ReopenInterest) -> None:
    given(LEADS).when(command).then()


# Which lead a submission touches


def lead(name: str, product: str | None, *, minutes: int = 0, is_open: bool = True) -> LeadOfPerson:
    return LeadOfPerson(name, product, NOON + timedelta(minutes=minutes), is_open)


def touched(product: Term | None, *leads: LeadOfPerson, vocabulary: Vocabulary | None = None) -> str | None:
    row = PersonRow("per_1", {each.lead_id: each for each in leads})
    found = touched_lead(row, product, vocabulary or Vocabulary(()))
    return found.lead_id if found else None


VNA, PACS = Term("vna", "VNA"), Term("pacs", "PACS")


def test_nobody_known_has_no_lead() -> None:
    assert touched(None) is None
    assert touched(VNA) is None


def test_the_lead_of_that_product_goes_before_one_that_names_none() -> None:
    assert touched(VNA, lead("old", "vna"), lead("young", None, minutes=1)) == "old"
    assert touched(VNA, lead("old", "pacs"), lead("young", None, minutes=1)) == "young"


def test_another_product_is_a_new_lead() -> None:
    assert touched(PACS, lead("a", "vna")) is None


def test_what_names_no_product_goes_to_the_youngest_open_lead() -> None:
    leads = (lead("a", "vna"), lead("b", "pacs", minutes=2), lead("c", None, minutes=1))
    assert touched(None, *leads) == "b"
    assert touched(None, *leads[:2], lead("d", None, minutes=9, is_open=False)) == "b"


def test_a_closed_lead_is_not_touched() -> None:
    assert touched(VNA, lead("a", "vna", is_open=False)) is None
    assert touched(None, lead("a", "vna", is_open=False)) is None


def test_words_without_a_code_are_one_product_whatever_their_case() -> None:
    assert touched(Term(said=" Neutral Archive "), lead("a", "neutral archive")) == "a"


def test_words_that_were_given_a_code_since_are_still_that_product() -> None:
    words = Vocabulary([VocabularyEntry(code="vna", label="VNA", aliases=("Neutral Archive",))])
    assert touched(Term("vna", "VNA"), lead("a", "neutral archive"), vocabulary=words) == "a"
    assert touched(Term("vna", "VNA"), lead("a", "neutral archive")) is None


# The rows by which people and submissions are found


def test_a_person_is_found_by_every_fact_and_a_submission_by_its_own() -> None:
    person, submission = person_key("digest-of-marta"), submission_key("src_1", "first")
    assert list(keys_of_fact(CAPTURED)) == [person, submission]
    assert list(keys_of_fact(CLOSED)) == [person]
    erased = msgspec.structs.replace(CAPTURED, personal=seal(SubmissionDetails()))
    assert list(keys_of_fact(erased)) == []
    assert evolve_row(submission, SubmissionRow(), CAPTURED) == SubmissionRow("lead_1")


def test_a_person_row_follows_each_of_its_leads() -> None:
    def after(*facts: Fact) -> PersonRow:
        row = reduce(lambda row, fact: evolve_row("person:x", row, fact), facts, PersonRow())
        assert isinstance(row, PersonRow)
        return row

    took = LeadTouched(lead_id="lead_1", person_id="per_1", source_id="src_1", product=VNA, touch=FORM)
    assert after(CAPTURED) == PersonRow("per_1", {"lead_1": lead("lead_1", None)})
    assert after(CAPTURED, took).leads["lead_1"].product == "vna"
    assert not after(CAPTURED, CLOSED).leads["lead_1"].open
    assert after(CAPTURED, CLOSED, REOPENED).leads["lead_1"].open


STORY = st.sampled_from(["touch", "product", "close", "reopen"])


def told(lead_id: str, at: int, said: list[str]) -> list[Fact]:
    """The facts of one lead, whatever order its closings and reopenings come in."""
    details = msgspec.structs.replace(MARTA, submission_digest=lead_id, received_at=NOON + timedelta(minutes=at))
    facts: list[Fact] = [msgspec.structs.replace(CAPTURED, lead_id=lead_id, personal=seal(details))]
    for index, what in enumerate(said):
        digests = SubmissionDetails(email_digest="digest-of-marta", submission_digest=f"{lead_id}-{index}")
        sealed = seal(digests)
        match what:
            case "close":
                facts.append(msgspec.structs.replace(CLOSED, lead_id=lead_id))
            case "reopen":
                facts.append(msgspec.structs.replace(REOPENED, lead_id=lead_id))
            case _:
                product = VNA if what == "product" else None
                facts.append(
                    LeadTouched(
                        lead_id=lead_id,
                        person_id="per_1",
                        source_id="src_1",
                        product=product,
                        touch=FORM,
                        personal=sealed,
                    )
                )
    return facts


@over(st.lists(st.lists(STORY, max_size=5), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_rows_do_not_depend_on_the_order_of_facts_of_different_leads(stories: list[list[str]], chance: Any) -> None:
    leads = [told(f"lead_{index}", index, story) for index, story in enumerate(stories)]
    one_after_another = [fact for lead in leads for fact in lead]
    mixed: list[Fact] = []
    waiting = [list(lead) for lead in leads]
    while any(waiting):
        mixed.append(chance.choice([each for each in waiting if each]).pop(0))
    assert rows(mixed) == rows(one_after_another)


def rows(facts: list[Fact]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fact in facts:
        for key in IDENTITY.keys(fact):
            found[key] = IDENTITY.evolve(key, found.get(key, IDENTITY.initial(key)), fact)
    return found

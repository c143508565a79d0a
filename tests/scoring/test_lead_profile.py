from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leadway.facts import CatalogFact
from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched
from leadway.facts.personal import SubmissionDetails, seal
from leadway.facts.scoring import LeadQualified
from leadway.facts.terms import CampaignSaid, Company, Term, Touch
from leadway.profile import Profile, form_fields, learn, profile_values
from leadway.stage._catalogs import Snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def touch(*said: str, campaign_id: str | None = None) -> Touch:
    return Touch(kind="form.submitted", occurred_at=NOW, campaign=CampaignSaid(campaign_id, said))


def captured(**more: Any) -> LeadCaptured:
    fields: dict[str, Any] = {
        "company": Company(country="PL", employees=20, industry=Term(None, "Krankenhaus")),
        "touch": touch(),
        "personal": seal(SubmissionDetails(fields={"budget": "small"})),
    }
    return LeadCaptured(lead_id="lead_1", person_id="per_1", source_id="src_1", **(fields | more))


def touched(**more: Any) -> LeadTouched:
    fields: dict[str, Any] = {"touch": touch(), **more}
    return LeadTouched(lead_id="lead_1", person_id="per_1", source_id="src_2", **fields)


def profile(*facts: LeadCaptured | LeadTouched) -> Profile:
    learned = Profile()
    for fact in facts:
        learned = learn(learned, fact)
    return learned


def catalog(*entries: CatalogFact) -> Snapshot:
    return Snapshot(1, {}).with_entries(list(entries))


def test_what_is_known_becomes_values_and_the_rest_is_left_out() -> None:
    assert profile_values(profile(captured()), catalog()) == {
        "country": "PL",
        "employees": 20,
        "industry": "Krankenhaus",
        "source": "src_1",
        "origin": "vendor",
    }


def test_a_touch_adds_what_is_new_and_takes_nothing_away() -> None:
    learned = profile(captured(), touched(company=Company(domain="klinik.example"), product=Term("scanner")))
    assert (learned.country, learned.domain, learned.product, learned.source) == (
        "PL",
        "klinik.example",
        "scanner",
        "src_1",
    )


def test_the_campaign_is_the_first_that_was_named() -> None:
    spring = CampaignChanged(entity_id="cmp_1", version=1, codes=("spring",), name="Spring", tactic="webinar")
    learned = profile(captured(), touched(touch=touch("spring", campaign_id="cmp_1")), touched(touch=touch("autumn")))
    values = profile_values(learned, catalog(spring))
    assert (values["campaign"], values["tactic"]) == (("cmp_1", "spring"), "webinar")


def test_a_code_that_is_added_later_collects_what_was_said_before() -> None:
    learned = profile(captured(touch=touch("Spring")))
    assert profile_values(learned, catalog())["campaign"] == ("Spring",)
    spring = CampaignChanged(entity_id="cmp_1", version=2, codes=("spring",), name="Spring", tactic="webinar")
    assert profile_values(learned, catalog(spring))["tactic"] == "webinar"


def test_form_fields_stay_sealed_and_the_newest_answer_counts() -> None:
    answers = [touched(personal=seal(SubmissionDetails(fields={"budget": f"{n}"}))) for n in range(10)]
    learned = profile(captured(), *answers, touched(personal=seal(SubmissionDetails(url="https://example.com"))))
    assert form_fields(learned) == {"fields.budget": "9"}
    assert len(learned.submissions) == 4
    assert "fields.budget" not in profile_values(learned, catalog())


def test_other_facts_teach_nothing() -> None:
    learned = profile(captured())
    assert learn(learned, LeadQualified(lead_id="lead_1", score=1, model_version=1, label="x")) is learned

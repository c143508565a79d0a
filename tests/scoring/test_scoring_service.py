"""Scoring on a real database and log, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import CampaignSaid, Company, Term, Touch
from leadway.scoring.app import SERVICE
from leadway.testing.serving import Served, serving
from leadway.web import Role, issue_token

LEAD = "lead_01h455vb4pex5vsknk084sn02q"
MODEL = "/scoring/v1/model"
READERS: tuple[Role, ...] = ("admin", "cam", "analyst")
DOCUMENT: dict[str, Any] = {
    "fit": [
        {"when": {"country": ["PL"], "fields.budget": ["large"]}, "points": 10.0, "label": "budget"},
        {"when": {"tactic": ["webinar"]}, "points": 5.0, "label": "webinar"},
    ],
    "engagement": [
        {"when": {"touch": ["form.submitted"]}, "points": 20.0, "half_life": "P14D", "max": 30.0, "label": "form"}
    ],
    "qualify": [{"when": {"score": {"min": 40}}, "label": "warm"}],
    "disqualify": [{"when": {"domain": ["rival.example"]}, "reason": "competitor"}],
}


@pytest_asyncio.fixture
async def scoring(database: str) -> AsyncGenerator[Served]:
    async with serving(SERVICE, database) as served:
        yield served


def captured(at: datetime, **company: Any) -> LeadCaptured:
    details = SubmissionDetails(person=Person(email="anna@example.com"), fields={"budget": "Large"})
    return LeadCaptured(
        lead_id=LEAD,
        person_id="per_1",
        source_id="src_1",
        company=Company(**company),
        product=Term("scanner", "Scanner"),
        touch=Touch(kind="form.submitted", occurred_at=at, campaign=CampaignSaid(said=("Q4-Health",))),
        personal=seal(details),
    )


def touched(at: datetime) -> LeadTouched:
    touch = Touch(kind="form.submitted", occurred_at=at)
    return LeadTouched(lead_id=LEAD, person_id="per_1", source_id="src_1", touch=touch)


async def test_a_model_is_put_whole_and_read_back(scoring: Served) -> None:
    admin = scoring.bearer("admin")
    first = await scoring.client.get(MODEL, headers=admin)
    assert first.headers["etag"] == '"0"'
    # What is read may be put back.
    again = await scoring.client.put(MODEL, json=first.json(), headers={**admin, "If-Match": '"0"'})
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    put = await scoring.client.put(MODEL, json=DOCUMENT, headers={**admin, "If-Match": '"1"'})
    assert (put.status_code, put.headers["etag"]) == (200, '"2"')
    stale = await scoring.client.put(MODEL, json=DOCUMENT, headers={**admin, "If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-document")
    read = await scoring.client.get(MODEL, headers=admin)
    assert (read.json(), read.headers["etag"]) == (DOCUMENT, '"2"')


async def test_every_fault_of_a_model_is_named_at_once(scoring: Served) -> None:
    model: dict[str, Any] = {
        "fit": [
            {"when": {"touch": ["form.submitted"], "employees": {"least": 5}}, "points": "many", "label": "x"},
            {"when": {}, "points": 1},
        ],
        "engagement": [{"when": {"any": [{"country": []}]}, "points": 1, "half_life": "a week", "label": "y"}],
        "qualify": [{"when": {"score": {"min": 1}}, "label": "z", "colour": "red"}],
    }
    response = await scoring.client.put(MODEL, json=model, headers=scoring.bearer("admin"))
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json()["errors"]} >= {
        "#/fit/0/when/touch",
        "#/fit/0/when/employees/least",
        "#/fit/0/points",
        "#/fit/1/label",
        "#/engagement/0/half_life",
        "#/engagement/0/when/any/0/country",
        "#/qualify/0/colour",
    }


async def test_routes_are_for_their_roles(scoring: Served) -> None:
    assert (await scoring.client.get(MODEL)).status_code == 401
    assert (await scoring.client.get(MODEL, headers=scoring.bearer("cam"))).status_code == 403
    partner = scoring.bearer("partner", "ptr_1")
    assert (await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers=partner)).status_code == 403
    unknown = await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers=scoring.bearer("analyst"))
    assert unknown.status_code == 404


async def test_a_manager_who_sees_its_own_partners_only_reads_no_score_here(scoring: Served) -> None:
    await scoring.tell(LEAD, captured(datetime.now(UTC)))
    await scoring.said(LEAD, "lead.scored", "lead.qualified")
    token = issue_token(scoring.deployment.key, role="cam", subject="carla", scope="assigned")
    refused = await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert "/router/v1" in refused.json()["detail"]
    for role in READERS:
        read = await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers=scoring.bearer(role))
        assert read.status_code == 200, role


async def test_a_lead_is_scored_decays_and_is_qualified_once(scoring: Served) -> None:
    await scoring.client.put(MODEL, json=DOCUMENT, headers=scoring.bearer("admin"))
    webinar = CampaignChanged(entity_id="cmp_1", version=1, codes=("q4-health",), name="Health", tactic="webinar")
    await scoring.tell("cmp_1", webinar)
    now = datetime.now(UTC)
    fact = await scoring.tell(LEAD, captured(now - timedelta(days=14), country="PL"))
    await scoring.said(LEAD, "lead.scored")
    response = await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers=scoring.bearer("cam"))
    body = response.json()
    assert (body["status"], body["engagement"], body["model_version"]) == ("open", 10.0, 1)
    assert {each["label"] for each in body["contributions"]} >= {"budget", "form"}
    assert all(each["from_fact"] == fact for each in body["contributions"])
    for _ in range(3):
        await scoring.tell(LEAD, touched(now))
    facts = await scoring.said(LEAD, "lead.scored", "lead.scored", "lead.qualified", "lead.scored", "lead.scored")
    assert facts[1].cause == facts[2].cause
    body = (await scoring.client.get(f"/scoring/v1/leads/{LEAD}", headers=scoring.bearer("cam"))).json()
    assert (body["status"], body["engagement"]) == ("qualified", 30.0)


async def test_a_fresh_system_qualifies_a_submitted_form(scoring: Served) -> None:
    await scoring.tell(LEAD, captured(datetime.now(UTC)))
    await scoring.said(LEAD, "lead.scored", "lead.qualified")


async def test_what_people_typed_is_in_no_fact_of_scoring(scoring: Served) -> None:
    await scoring.client.put(MODEL, json=DOCUMENT, headers=scoring.bearer("admin"))
    await scoring.tell(LEAD, captured(datetime.now(UTC), country="PL", domain="rival.example"))
    facts = await scoring.said(LEAD, "lead.scored", "lead.disqualified")
    assert "Large" not in repr(facts)

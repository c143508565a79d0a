"""sla-timer on a real database and log, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from leadway.facts.dealreg import ActivityLogged, ContactMissed
from leadway.facts.ingest import LeadCaptured
from leadway.facts.personal import SubmissionDetails, seal
from leadway.facts.router import AcceptanceMissed, Decision, LeadAccepted, LeadAssigned, LeadPooled, LeadReclaimed
from leadway.facts.scoring import LeadScored
from leadway.facts.sla_timer import SlaBreached, SlaDue, SlaMet, SlaStarted
from leadway.facts.terms import Company, Touch
from leadway.sla_timer.app import SERVICE
from leadway.testing.serving import Served, serving

LEAD = "lead_01h455vb4pex5vsknk084sn02q"
POLICIES = "/sla-timer/v1/policies"
CLOCKS = f"/sla-timer/v1/leads/{LEAD}"
QUICK: dict[str, Any] = {
    "policies": [
        {
            "name": "hot gold",
            "when": {"tier": ["gold"], "score": {"min": 50}, "country": ["PL"]},
            "clocks": [
                {"clock": "accept", "within": "PT1S", "remind_at": [0.5], "on_breach": "reclaim"},
                {"clock": "first_contact", "within": "PT30S", "remind_at": [], "on_breach": "alert"},
            ],
        },
        {
            "name": "rest",
            "when": {},
            "clocks": [{"clock": "accept", "within": "P1DT12H", "remind_at": [], "on_breach": "alert"}],
        },
    ]
}


@pytest_asyncio.fixture
async def sla(database: str) -> AsyncGenerator[Served]:
    async with serving(SERVICE, database) as served:
        yield served


def assigned(**more: Any) -> LeadAssigned:
    fields: dict[str, Any] = {"tier": "gold", "method": "round_robin", "at": datetime.now(UTC)} | more
    return LeadAssigned(
        lead_id=LEAD,
        assignment_id="asg_1",
        partner_id="ptr_1",
        partner_version=1,
        decision=Decision(asked="x"),
        **fields,
    )


async def warm(sla: Served) -> None:
    now = datetime.now(UTC)
    touch = Touch(kind="form.submitted", occurred_at=now)
    personal = seal(SubmissionDetails())
    company = Company(country="PL")
    await sla.tell(
        LEAD,
        LeadCaptured(
            lead_id=LEAD, person_id="per_1", source_id="src_1", company=company, touch=touch, personal=personal
        ),
    )
    scored = LeadScored(lead_id=LEAD, score=80, fit=50, engagement=30, as_of=now, model_version=1, scored_fact="fact_1")
    await sla.tell(LEAD, scored)


async def test_policies_are_put_whole_and_read_back(sla: Served) -> None:
    admin = sla.bearer("admin")
    first = await sla.client.get(POLICIES, headers=admin)
    assert first.headers["etag"] == '"0"'
    put = await sla.client.put(POLICIES, json=QUICK, headers={**admin, "If-Match": '"0"'})
    assert (put.status_code, put.headers["etag"]) == (200, '"1"')
    assert (await sla.client.get(POLICIES, headers=admin)).json() == QUICK
    stale = await sla.client.put(POLICIES, json=first.json(), headers={**admin, "If-Match": '"0"'})
    assert stale.status_code == 412


async def test_every_fault_of_the_policies_is_named_at_once(sla: Served) -> None:
    policies = [
        {
            "name": "",
            "when": {"touch": ["form.submitted"], "tier": "gold"},
            "clocks": [
                {"clock": "activity", "within": "soon", "remind_at": [0.8, 0.5], "on_breach": "shrug"},
                {"clock": "accept", "within": "PT0S", "remind_at": [1.5]},
            ],
        }
    ]
    response = await sla.client.put(POLICIES, json={"policies": policies}, headers=sla.bearer("admin"))
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json()["errors"]} >= {
        "#/policies/0/name",
        "#/policies/0/when/touch",
        "#/policies/0/when/tier",
        "#/policies/0/clocks/0/clock",
        "#/policies/0/clocks/0/within",
        "#/policies/0/clocks/0/remind_at",
        "#/policies/0/clocks/0/on_breach",
        "#/policies/0/clocks/1/within",
        "#/policies/0/clocks/1/remind_at/0",
    }


async def test_a_missed_acceptance_reminds_asks_and_is_breached_by_the_answer(sla: Served) -> None:
    await sla.client.put(POLICIES, json=QUICK, headers=sla.bearer("admin"))
    await warm(sla)
    hold = assigned()
    await sla.tell(LEAD, hold)
    facts = await sla.said(LEAD, "sla.started", "sla.started", "sla.reminded", "sla.due")
    start, due = facts[0].data, facts[-1]
    assert isinstance(start, SlaStarted)
    assert isinstance(due.data, SlaDue)
    assert start.started_at == hold.at
    assert due.time == due.data.due_at == start.started_at + timedelta(seconds=1)
    missed = AcceptanceMissed(lead_id=LEAD, assignment_id="asg_1", due_at=due.data.due_at, at=due.data.due_at)
    answer = await sla.tell(LEAD, missed)
    await sla.tell(
        LEAD,
        LeadReclaimed(
            lead_id=LEAD, assignment_id="asg_1", partner_id="ptr_1", clock="accept", due_at=due.time, breach="fact_b"
        ),
    )
    facts = await sla.said(LEAD, "sla.started", "sla.started", "sla.reminded", "sla.due", "sla.breached", "sla.stopped")
    breach = facts[4]
    assert isinstance(breach.data, SlaBreached)
    assert (breach.time, breach.data.missed_fact, breach.data.on_breach) == (due.time, answer, "reclaim")
    body = (await sla.client.get(CLOCKS, headers=sla.bearer("cam"))).json()
    assert {each["clock"]: each["status"] for each in body["clocks"]} == {
        "accept": "breached",
        "first_contact": "stopped",
    }
    assert "sent_at" in body["clocks"][0]["reminders"][0]


async def test_contact_in_time_that_is_heard_of_late_is_no_breach(sla: Served) -> None:
    await sla.client.put(POLICIES, json=QUICK, headers=sla.bearer("admin"))
    await warm(sla)
    began = datetime.now(UTC) - timedelta(minutes=1)
    await sla.tell(LEAD, assigned(at=began, accepted=True))
    await sla.said(LEAD, "sla.started", "sla.due")
    in_time = began + timedelta(seconds=1)
    await sla.tell(
        LEAD,
        ActivityLogged(
            lead_id=LEAD, assignment_id="asg_1", activity_id="act_1", kind="call", logged_at=in_time, attempt=True
        ),
    )
    await sla.tell(LEAD, ContactMissed(lead_id=LEAD, assignment_id="asg_1", due_at=began + timedelta(seconds=30)))
    facts = await sla.said(LEAD, "sla.started", "sla.due", "sla.met")
    assert isinstance(facts[-1].data, SlaMet)
    assert facts[-1].data.met_at == in_time


async def test_only_the_holder_sees_the_clocks_of_its_assignment(sla: Served) -> None:
    await sla.client.put(POLICIES, json=QUICK, headers=sla.bearer("admin"))
    pooled = LeadPooled(
        lead_id=LEAD,
        pooling_id="pool_1",
        eligible=("ptr_1",),
        claim_within_seconds=3_600,
        step_index=0,
        decision=Decision(asked="qualified", rule="hot", rules_version=4),
    )
    await sla.tell(LEAD, pooled)
    await sla.tell(LEAD, assigned(tier="silver"))
    await sla.said(LEAD, "sla.started", "sla.stopped", "sla.started")
    holder = await sla.client.get(CLOCKS, headers=sla.bearer("partner", "ptr_1"))
    (clock,) = holder.json()["clocks"]
    assert (clock["clock"], clock["policy"], clock["policy_version"], clock["status"]) == (
        "accept",
        "rest",
        1,
        "running",
    )
    assert (await sla.client.get(CLOCKS, headers=sla.bearer("partner", "ptr_2"))).status_code == 404
    everything = (await sla.client.get(CLOCKS, headers=sla.bearer("admin"))).json()["clocks"]
    assert sorted(each["clock"] for each in everything) == ["accept", "claim"]
    await sla.tell(LEAD, LeadAccepted(lead_id=LEAD, assignment_id="asg_1", partner_id="ptr_1", at=datetime.now(UTC)))
    await sla.said(LEAD, "sla.started", "sla.stopped", "sla.started", "sla.met")
    (clock,) = (await sla.client.get(CLOCKS, headers=sla.bearer("partner", "ptr_1"))).json()["clocks"]
    assert clock["status"] == "met"

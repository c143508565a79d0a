"""One lead's whole life, by real payloads over HTTP: on both logs, in one process and with one for each service."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import standardwebhooks
from world import PAYLOADS, World, eventually, receiver, running

from leadway.eventlog import open_log
from leadway.hosting import rebuild, services

pytestmark = pytest.mark.timeout(400)  # nine processes start, and on a busy machine each of them takes its time
ARRANGEMENTS = [
    pytest.param(("embedded", False), id="embedded-one"),
    pytest.param(("embedded", True), id="embedded-each"),
    pytest.param(("kafka", False), id="kafka-one"),
    pytest.param(("kafka", True), id="kafka-each"),
]
RULES: dict[str, Any] = {
    "account": "follow",
    "rules": [
        {
            "name": "Health in Poland",
            "when": {"country": ["PL"], "industry": ["healthcare"]},
            "then": [
                {"assign": {"method": "round_robin", "among": {"tier": ["gold"], "match": ["territory"]}}},
                {"retain": {"queue": "inside-sales"}},
            ],
        },
        {
            "name": "Finance in the US",
            "when": {"country": ["US"]},
            "then": [{"pool": {"method": "shark_tank", "among": {"match": ["territory"]}, "claim_within": "PT1H"}}],
        },
    ],
    "otherwise": {"retain": {"queue": "unmatched"}},
}


def policies(*, accept_within: str) -> dict[str, Any]:
    return {
        "policies": [
            {
                "name": "gold",
                "when": {"tier": ["gold"]},
                "clocks": [
                    {"clock": "accept", "within": accept_within, "remind_at": [0.5], "on_breach": "reclaim"},
                    {"clock": "first_contact", "within": "PT1H", "remind_at": [0.5], "on_breach": "reclaim"},
                ],
            }
        ]
    }


MODEL = {
    "fit": [{"when": {"industry": ["healthcare"]}, "points": 30, "label": "healthcare"}],
    "engagement": [
        {"when": {"touch": ["form.submitted"]}, "points": 30, "half_life": "P30D", "label": "form"},
        {"when": {"touch": ["content.downloaded"]}, "points": 20, "half_life": "P14D", "label": "download"},
    ],
    "qualify": [{"when": {"score": {"min": 20}}, "label": "warm"}],
    "disqualify": [],
}


@pytest_asyncio.fixture(params=ARRANGEMENTS)
async def world(
    request: pytest.FixtureRequest, database: str, tmp_path: Path, fresh_topics: str
) -> AsyncGenerator[World]:
    log, separate = request.param
    kafka = request.getfixturevalue("kafka") if log == "kafka" else None
    async with running(tmp_path, database, kafka=kafka, separate=bool(separate), topic_prefix=fresh_topics) as made:
        made.topic_prefix = fresh_topics
        yield made


async def set_up(world: World) -> dict[str, str]:
    """Partners, campaign, vocabularies, model, rules, policies and sources, as an admin makes them."""
    made: dict[str, str] = {}
    for name, territories in (("Alfa", ["PL"]), ("Beta", ["PL"]), ("Gamma", ["US-GA", "US"])):
        partner = {"name": name, "status": "active", "tier": "gold", "territories": territories}
        made[name] = (await world.ask("POST", "/router/v1/partners", partner))["id"]
    campaign = {"codes": ["health-emea-q4"], "name": "Health EMEA Q4", "tactic": "paid-social", "geography": "EMEA"}
    made["campaign"] = (await world.ask("POST", "/ingest/v1/campaigns", campaign))["id"]
    spend = {"amount": {"minor": 500000, "currency": "EUR"}, "from": "2026-10-01", "to": "2026-12-31"}
    await world.ask("POST", f"/ingest/v1/campaigns/{made['campaign']}/spend", spend | {"funded_by": "vendor"})
    industries = [{"code": "healthcare", "label": "Healthcare", "aliases": ["Hospital & Health Care"]}]
    await world.ask("PUT", "/ingest/v1/vocabularies/industry", industries)
    await world.ask("PUT", "/scoring/v1/model", MODEL)
    await world.ask("PUT", "/sla-timer/v1/policies", policies(accept_within="PT4S"))
    for kind in ("hubspot-form", "google-ads", "segment-track", "native", "csv"):
        key = {"key": "set-in-the-source"} if kind == "google-ads" else {}
        source = await world.ask("POST", "/ingest/v1/sources", {"name": kind, "kind": kind, **key})
        made[kind], made[f"{kind}-key"] = source["id"], source["key"]

    async def rules_taken() -> bool:
        body = await world.ask("PUT", "/router/v1/rules", RULES, expect=(200, 422))  # 422: the vocabulary is on its way
        return "errors" not in body

    await eventually(rules_taken)
    return made


async def post(world: World, made: dict[str, str], kind: str, payload: str) -> str:
    """Post a real payload to its source; the lead that the answer's header names."""
    base = world.bases["ingest"]
    url = f"{base}/ingest/v1/sources/{made[kind]}/leads"
    content = (PAYLOADS / payload).read_bytes()
    headers = {"X-Leadway-Key": made[f"{kind}-key"], "Content-Type": "application/json"}
    response = await world.client.post(url, content=content, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["leadway-outcome"] in {"captured", "touched"}
    return response.headers["leadway-lead"]


async def test_a_lead_goes_from_a_form_to_attributed_revenue(world: World) -> None:
    async with receiver(world) as url:
        made = await set_up(world)
        names = {made[name]: name for name in ("Alfa", "Beta", "Gamma")}
        endpoint = await world.ask(
            "POST", "/delivery/v1/endpoints", {"url": f"{url}/all", "types": ["lead.assigned", "lead.reclaimed"]}
        )
        lead = await post(world, made, "hubspot-form", "hubspot-form.json")
        first = await assigned(world, lead)
        assert names[first["owner"]["partner_id"]] in {"Alfa", "Beta"}
        await unhurried_from_now_on(world, lead)
        assert await post(world, made, "segment-track", "segment-track.json") == lead

        second = await assigned(world, lead, other_than=first["assignment_id"])
        loser, holder = first["owner"]["partner_id"], second["owner"]["partner_id"]
        assert {names[loser], names[holder]} == {"Alfa", "Beta"}, (
            "the deadline took it from one and gave it to the other"
        )
        former = await world.ask("GET", f"/router/v1/leads/{lead}", partner=loser)
        assert former["state"] == "ended"
        await world.ask("POST", f"/router/v1/leads/{lead}/accept", {}, partner=loser, expect=(404, 409))
        await world.ask("POST", f"/router/v1/leads/{lead}/accept", {}, partner=holder)

        deal = await work_on(world, lead, holder)
        await world.ask("POST", f"/dealreg/v1/deals/{deal}/approve", {}, role="cam")
        won = {"amount": {"minor": 1250001, "currency": "EUR"}}
        await world.ask("POST", f"/dealreg/v1/deals/{deal}/win", won, partner=holder)
        await world.ask("POST", f"/dealreg/v1/deals/{deal}/win", won, partner=holder, expect=409)
        await world.ask(
            "POST",
            f"/dealreg/v1/deals/{deal}/amend",
            {"amount": {"minor": 1300001, "currency": "EUR"}, "reason": "one more site", "effective_at": now()},
            role="cam",
        )
        await check_revenue(world, made, holder)
        await check_chain(world, lead)
        await check_webhooks(world, lead, endpoint)
    await check_rebuilds(world)


def now() -> str:
    return datetime.now(UTC).isoformat()


async def assigned(world: World, lead: str, other_than: str = "") -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await world.ask("GET", f"/router/v1/leads/{lead}", expect=(200, 404))
        current = found.get("state") in {"assigned", "accepted"} and found.get("assignment_id") != other_than
        return found if current else None

    return await eventually(look)


async def unhurried_from_now_on(world: World, lead: str) -> None:
    """The clock that runs is a short one; whoever gets the lead next has time, however slow the machine is."""

    async def runs() -> bool:
        found = await world.ask("GET", f"/sla-timer/v1/leads/{lead}", expect=(200, 404))
        return any(clock["clock"] == "accept" for clock in found.get("clocks", ()))

    await eventually(runs)
    await world.ask("PUT", "/sla-timer/v1/policies", policies(accept_within="PT1H"))


async def work_on(world: World, lead: str, holder: str) -> str:
    """Contact, stage, opportunity and deal, by the partner that holds the lead."""

    async def heard() -> bool:
        found = await world.ask("GET", f"/dealreg/v1/leads/{lead}", partner=holder, expect=(200, 404))
        return "lead_id" in found

    await eventually(heard)  # the router answers before its facts are on the log
    await world.ask(
        "POST", f"/dealreg/v1/leads/{lead}/activities", {"kind": "call", "outcome": "reached"}, partner=holder
    )

    async def met() -> bool:
        clocks = (await world.ask("GET", f"/sla-timer/v1/leads/{lead}"))["clocks"]
        return any(clock["clock"] == "first_contact" and clock["status"] == "met" for clock in clocks)

    await eventually(met)
    opportunity = await world.ask(
        "POST",
        f"/dealreg/v1/leads/{lead}/opportunities",
        {
            "name": "Archive for the hospital",
            "amount": {"minor": 1000000, "currency": "EUR"},
            "expected_close": "2027-03-31",
        },
        partner=holder,
    )
    body = {"opportunity_id": opportunity["opportunity_id"]}
    return (await world.ask("POST", f"/dealreg/v1/leads/{lead}/deals", body, partner=holder))["deal_id"]


async def check_revenue(world: World, made: dict[str, str], holder: str) -> None:
    async def by_campaign() -> dict[str, Any] | None:
        found = await world.ask("GET", "/attribution/v1/revenue?by=campaign&model=linear", role="analyst")
        rows = {row["key"]: row for row in found["rows"]}
        return rows if rows.get(made["campaign"], {}).get("deals_won") else None

    rows = await eventually(by_campaign)
    amounts = rows[made["campaign"]]["amounts"][0]
    assert amounts["currency"] == "EUR"

    async def amended() -> bool:
        found = await world.ask("GET", "/attribution/v1/revenue?by=partner&model=linear", role="analyst")
        credit = sum(amount["credit"] for row in found["rows"] for amount in row["amounts"])
        return credit == 1300001

    await eventually(amended)
    for model in ("first", "last", "linear"):
        found = await world.ask("GET", f"/attribution/v1/revenue?by=campaign&model={model}", role="analyst")
        assert sum(amount["credit"] for row in found["rows"] for amount in row["amounts"]) == 1300001


async def check_chain(world: World, lead: str) -> None:
    chain = await world.ask("GET", f"/attribution/v1/leads/{lead}", role="analyst")
    text = json.dumps(chain)
    assert "deal" in text
    assert "marta" not in text.lower(), "an analyst never sees personal data"


async def check_webhooks(world: World, lead: str, endpoint: dict[str, Any]) -> None:
    async def three() -> bool:
        return len({message["headers"]["webhook-id"] for message in world.received}) >= 3

    await eventually(three)
    oracle = standardwebhooks.Webhook(endpoint["secret"])
    for message in world.received:
        oracle.verify(message["raw"], message["headers"])
        assert message["body"]["data"]["lead"]["id"] == lead
    kinds = [message["body"]["type"] for message in world.received]
    assert kinds[:3] == ["lead.assigned", "lead.reclaimed", "lead.assigned"], "for one lead, in the log's order"


async def check_rebuilds(world: World) -> None:
    """For every service: state and views after traffic equal those of a rebuild, by hash."""
    log = open_log(database_url=world.database, kafka=world.kafka, partitions=4, topic_prefix=world.topic_prefix)
    await log.start()
    try:
        for service in services():
            rebuilt = await rebuild(world.database, log, service)
            assert rebuilt.differences() == [], service.name
            assert rebuilt.facts > 0
    finally:
        await log.close()

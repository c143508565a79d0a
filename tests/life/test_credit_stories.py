"""Small stories of what analysts read: whose campaign earned what, each fact once, and nothing of any person."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from standing import Standing, standing
from world import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)
FACTS = "/attribution/v1/facts"
PERSONAL = ("rosalinde", "quast", "rosa@", "555123", "please call", "whom i know")


@dataclass(frozen=True)
class Sold:
    """A lead with three campaigns' touches behind it, and what it was sold for: 100, in cents."""

    lead: str
    partner: str
    campaigns: tuple[str, str, str]
    other_source: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_url: str) -> AsyncGenerator[Standing]:
    async with standing(postgres_url) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sold(world: Standing) -> Sold:
    partner = await world.partner("Seller")
    campaigns: list[str] = []
    for code, tactic in (("c1", "webinar"), ("c2", "paid-social"), ("c3", "webinar")):
        body = {"codes": [code], "name": code, "tactic": tactic, "geography": "EMEA"}
        campaigns.append((await world.ask("POST", "/ingest/v1/campaigns", body))["id"])
    spend = {"amount": {"minor": 17, "currency": "EUR"}, "from": "2026-01-01", "to": "2026-01-31"}
    await world.ask("POST", f"/ingest/v1/campaigns/{campaigns[0]}/spend", spend | {"funded_by": "mdf"})
    first, other = world.source, await world.ask("POST", "/ingest/v1/sources", {"name": "Fair", "kind": "native"})
    person = {"email": f"rosa@{secrets.token_hex(5)}.example", "first_name": "Rosalinde", "last_name": "Quast"}
    common = {"person": person | {"phone": "+49 30 555123"}, "product": "imaging", "fields": {"note": "please call"}}
    await world.rules({"direct": partner})
    lead = ""
    for days, code, source in ((20, "c1", first), (10, "c2", first), (1, "c3", other)):
        body = {"campaign": code, "occurred_at": (NOW - timedelta(days=days)).isoformat()}
        path, key = f"/ingest/v1/sources/{source['id']}/leads", {"X-Leadway-Key": source["key"]}
        company = {"name": "Werk", "country": "DE"}
        answer = await world.ask("POST", path, {**common, **body, "company": company}, headers=key)
        lead = answer["lead_id"]
    await world.routed(lead, "assigned")
    await world.ask("POST", f"/router/v1/leads/{lead}/accept", partner=partner)
    await world.working(lead, partner)
    call = {"kind": "call", "note": "spoke to Quast, whom I know"}
    await world.ask("POST", f"/dealreg/v1/leads/{lead}/activities", call, partner=partner)
    amount = {"amount": {"minor": 100, "currency": "EUR"}}
    body = {"name": "For Rosalinde Quast", **amount, "expected_close": "2027-01-01"}
    await world.ask("POST", f"/dealreg/v1/leads/{lead}/opportunities", body, partner=partner)
    deal = await world.ask("POST", f"/dealreg/v1/leads/{lead}/deals", {}, partner=partner)
    await world.ask("POST", f"/dealreg/v1/deals/{deal['deal_id']}/win", amount, partner=partner)

    async def booked() -> bool:
        found = await credit_by(world, "by=partner")
        return found.get(partner) == (100, 100)

    await eventually(booked)
    await world.settled()
    return Sold(lead, partner, (campaigns[0], campaigns[1], campaigns[2]), other["id"])


async def credit_by(world: Standing, query: str, **who: Any) -> Mapping[str | None, tuple[int, int]]:
    """(revenue, credit) by key, of rows that have any."""
    answer = await world.ask("GET", f"/attribution/v1/revenue?{query}", **(who or {"role": "analyst"}))
    return {row["key"]: (each["revenue"], each["credit"]) for row in answer["rows"] for each in row["amounts"]}


async def test_credit_is_split_by_the_model_to_the_cent(world: Standing, sold: Sold) -> None:
    one, two, three = sold.campaigns
    for model, shares in (("first", (100, 0, 0)), ("last", (0, 0, 100)), ("linear", (34, 33, 33))):
        expected = dict(zip(sold.campaigns, [(100, share) for share in shares], strict=True))
        assert await credit_by(world, f"by=campaign&model={model}") == expected
        for by in ("partner", "tactic", "geography", "source"):
            split = await credit_by(world, f"by={by}&model={model}")
            assert sum(credit for _, credit in split.values()) == 100, (by, model)
    assert await credit_by(world, "by=tactic&model=linear") == {"webinar": (100, 67), "paid-social": (100, 33)}
    assert await credit_by(world, "by=source&model=last") == {
        world.source["id"]: (100, 0),
        sold.other_source: (100, 100),
    }
    assert await credit_by(world, "by=geography") == {"DE": (100, 100)}
    assert await credit_by(world, "by=campaign&window=P15D") == {one: (0, 0), two: (100, 50), three: (100, 50)}


async def test_spend_and_return_stand_beside_credit(world: Standing, sold: Sold) -> None:
    answer = await world.ask("GET", "/attribution/v1/revenue?by=campaign&model=linear", role="analyst")
    row = next(row for row in answer["rows"] if row["key"] == sold.campaigns[0])
    assert (row["leads"], row["opportunities"], row["deals_won"]) == (1, 1, 1)
    assert row["amounts"] == [{"currency": "EUR", "revenue": 100, "credit": 34, "spend": 17, "roi": 1.0}]


async def test_revenue_is_cut_by_origin_and_by_the_dates_of_bookings(world: Standing, sold: Sold) -> None:
    earlier, later = (f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (-1, 1))
    assert await credit_by(world, f"by=partner&from={earlier}&to={later}") == {sold.partner: (100, 100)}
    assert await credit_by(world, f"by=partner&from={later}") == {}
    assert await credit_by(world, f"by=partner&to={earlier}") == {}
    assert await credit_by(world, "by=partner&origin=vendor") == {sold.partner: (100, 100)}
    assert await credit_by(world, "by=partner&origin=partner") == {}


async def test_a_partner_reads_its_own_rows_only(world: Standing, sold: Sold) -> None:
    assert await credit_by(world, "by=partner", partner=sold.partner) == {sold.partner: (100, 100)}
    stranger = await world.partner("Stranger")
    answer = await world.ask("GET", "/attribution/v1/revenue?by=partner", partner=stranger)
    assert [row for row in answer["rows"] if row["amounts"] or row["leads"]] == []


async def test_a_code_that_is_added_later_collects_its_earlier_touches(world: Standing, sold: Sold) -> None:
    partner = sold.partner
    lead = await world.held(partner, campaign="not-yet-known")
    await world.working(lead, partner)
    amount = {"minor": 40, "currency": "USD"}
    deal = await world.ask("POST", f"/dealreg/v1/leads/{lead}/deals", {"amount": amount}, partner=partner)
    await world.ask("POST", f"/dealreg/v1/deals/{deal['deal_id']}/win", {"amount": amount}, partner=partner)

    async def under(key: str | None) -> bool:
        return (await credit_by(world, "by=campaign")).get(key) == (40, 40)

    await eventually(lambda: under(None))
    body = {"codes": ["Not-Yet-Known"], "name": "Late", "tactic": "print"}
    late = (await world.ask("POST", "/ingest/v1/campaigns", body))["id"]
    await eventually(lambda: under(late))
    assert not await under(None)


async def test_the_chain_names_the_fact_of_each_step(world: Standing, sold: Sold) -> None:
    chain = await world.ask("GET", f"/attribution/v1/leads/{sold.lead}", role="analyst")
    assert [touch["campaign"]["id"] for touch in chain["touches"]] == list(sold.campaigns)
    steps = [chain["began"], chain["score"], chain["qualification"], *chain["touches"], *chain["activities"]]
    steps += [chain["assignments"][0]["began"], chain["deals"][0]["links"][-1], chain["deals"][0]["bookings"][0]]
    assert all(step["fact_id"].startswith("fact_") for step in steps)
    assert chain["revenue"] == [{"currency": "EUR", "minor": 100}]
    assert chain["cycle_time"].startswith("PT")


async def test_analysts_see_nothing_of_any_person(world: Standing, sold: Sold) -> None:
    shown: list[str] = []
    for path in (
        f"/attribution/v1/leads/{sold.lead}",
        "/attribution/v1/revenue?by=campaign",
        FACTS,
        f"/scoring/v1/leads/{sold.lead}",
    ):
        response = await world.call("GET", path, role="analyst")
        assert response.status_code == 200
        shown.append(response.text.lower())
    for path in (
        f"/ingest/v1/leads/{sold.lead}",
        "/ingest/v1/leads?email=rosa@werk.example",
        f"/router/v1/leads/{sold.lead}",
        f"/dealreg/v1/leads/{sold.lead}",
        "/dealreg/v1/deals",
    ):
        refused = await world.call("GET", path, role="analyst")
        assert refused.status_code == 403, path
        shown.append(refused.text.lower())
    assert [word for word in PERSONAL for text in shown if word in text] == []


async def test_facts_are_resumed_after_the_last_one_seen(world: Standing, sold: Sold) -> None:
    query = f"{FACTS}?topic=lead-events&lead={sold.lead}"
    whole = [json.loads(line) for line in (await world.call("GET", query, role="analyst")).text.splitlines()]
    assert whole[0]["type"] == "lead.captured.v1"
    assert len(whole) > 5
    assert len({fact["id"] for fact in whole}) == len(whole)
    rest = await world.call("GET", query, role="analyst", headers={"Last-Event-ID": whole[2]["cursor"]})
    assert rest.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["id"] for line in rest.text.splitlines()] == [fact["id"] for fact in whole[3:]]

    accept = {"Accept": "text/event-stream"}
    events = await world.call("GET", query, role="analyst", headers=accept)
    assert events.headers["content-type"].startswith("text/event-stream")
    first = dict(line.split(": ", 1) for line in events.text.split("\n\n")[0].splitlines())
    assert (first["event"], json.loads(first["data"])["id"]) == ("lead.captured.v1", whole[0]["id"])
    onward = await world.call("GET", query, role="analyst", headers={**accept, "Last-Event-ID": first["id"]})
    assert onward.text == events.text.split("\n\n", 1)[1]
    chosen = await world.call("GET", f"{query}&types=deal.won,lead.claimed.v1", role="analyst")
    assert [json.loads(line)["type"] for line in chosen.text.splitlines()] == ["deal.won.v1"]
    bad = await world.call("GET", query, role="analyst", headers={"Last-Event-ID": "nonsense"})
    assert bad.json()["errors"][0]["pointer"] == "header:Last-Event-ID"

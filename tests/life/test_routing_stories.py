"""Small stories of who gets a lead and who keeps it, told over HTTP on one running system."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from standing import Standing, standing
from world import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICIES = {
    "policies": [
        {
            "name": "hurried",
            "when": {"tier": ["hurried"]},
            "clocks": [{"clock": "first_contact", "within": "PT5S", "remind_at": [0.5], "on_breach": "reclaim"}],
        },
        {"name": "calm", "clocks": [{"clock": "accept", "within": "P1D", "on_breach": "alert"}]},
    ]
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_url: str) -> AsyncGenerator[Standing]:
    async with standing(postgres_url) as made:
        await made.ask("PUT", "/sla-timer/v1/policies", POLICIES)
        yield made


def tank(*partners: str, within: str | None = None) -> dict[str, Any]:
    pool: dict[str, Any] = {"method": "shark_tank", "among": {"partners": partners}}
    return {"pool": pool | ({"claim_within": within} if within else {})}


def in_turn(*partners: str) -> dict[str, Any]:
    return {"assign": {"method": "round_robin", "among": {"partners": partners}}}


async def test_an_unclaimed_lead_falls_from_pool_to_pool_into_a_queue(world: Standing) -> None:
    gold, silver = await world.partner("Gold"), await world.partner("Silver")
    await world.rules(tank(gold, within="PT3S"), tank(silver, within="PT2S"), {"retain": {"queue": "inside-sales"}})
    lead = await world.capture()
    assert (await world.routed(lead, "pooled"))["eligible"] == [gold]
    early = await world.call("POST", f"/router/v1/leads/{lead}/claim", partner=silver)
    assert (early.status_code, early.json()["type"]) == (403, "/problems/not-eligible")

    async def no_longer_of_gold() -> bool:
        return (await world.routed(lead, "pooled", "retained")).get("eligible") != [gold]

    await eventually(no_longer_of_gold)
    late = await world.call("POST", f"/router/v1/leads/{lead}/claim", partner=gold)
    assert late.status_code == 403
    kept = await world.routed(lead, "retained")
    assert kept["owner"] == {"kind": "direct", "queue": "inside-sales"}
    decisions = (await world.ask("GET", f"/router/v1/leads/{lead}/decisions", role="cam"))["decisions"]
    assert [each["asked"] for each in decisions] == ["qualified", "claim.missed", "claim.missed"]
    assert [each["steps"][-1].get("eligible") for each in decisions] == [[gold], [silver], None]

    async def both_breached() -> bool:
        clocks = (await world.ask("GET", f"/sla-timer/v1/leads/{lead}"))["clocks"]
        return [(clock["clock"], clock["status"]) for clock in clocks] == [("claim", "breached")] * 2

    await eventually(both_breached)


async def test_of_many_claims_at_once_one_wins(world: Standing) -> None:
    sharks = [await world.partner(f"Shark {i}") for i in range(5)]
    await world.rules(tank(*sharks, within="PT1H"))
    lead = await world.capture(product="imaging")
    await world.routed(lead, "pooled")
    [offer] = (await world.ask("GET", "/router/v1/pool", partner=sharks[0]))["data"]
    assert offer["lead_id"] == lead
    assert not {"Rosalinde", "Quast", "Werk"} & set(json.dumps(offer).split('"')), "without personal data"
    claims = await asyncio.gather(
        *[world.call("POST", f"/router/v1/leads/{lead}/claim", partner=shark) for shark in sharks]
    )
    assert Counter(claim.status_code for claim in claims) == {200: 1, 409: 4}
    assert {c.json()["type"] for c in claims if c.status_code == 409} == {"/problems/lead-already-claimed"}
    winner = next(shark for shark, claim in zip(sharks, claims, strict=True) if claim.status_code == 200)
    found = await world.routed(lead, "accepted")
    assert (found["owner"], found["method"]) == ({"kind": "partner", "partner_id": winner}, "shark_tank")
    assert (await world.ask("GET", "/router/v1/pool", partner=winner))["data"] == []


async def owners(world: Standing, leads: list[str]) -> Counter[str]:
    found = await asyncio.gather(*[world.routed(lead, "assigned", "accepted") for lead in leads])
    return Counter(each["owner"]["partner_id"] for each in found)


async def test_turns_follow_the_weights(world: Standing) -> None:
    double, single = await world.partner("Double", weight=2), await world.partner("Single")
    await world.rules(in_turn(double, single))
    leads = await asyncio.gather(*[world.capture() for _ in range(9)])
    assert await owners(world, leads) == {double: 6, single: 3}
    decisions = (await world.ask("GET", f"/router/v1/leads/{leads[0]}/decisions"))["decisions"]
    assert decisions[0]["turn"]["partner_id"] == decisions[0]["outcome"]["partner_id"]
    assert sorted(decisions[0]["steps"][0]["eligible"]) == sorted([double, single])


async def test_a_full_partner_gets_nothing_more_until_it_gives_back(world: Standing) -> None:
    small = await world.partner("Small", capacity={"open_leads": 1})
    await world.rules(in_turn(small), {"retain": {"queue": "overflow"}})
    first = await world.capture()
    await world.routed(first, "assigned")
    second = await world.capture()
    assert (await world.routed(second, "retained"))["owner"]["queue"] == "overflow"
    step = (await world.ask("GET", f"/router/v1/leads/{second}/decisions"))["decisions"][0]["steps"][0]
    assert small in json.dumps(step["left_out"])
    await world.ask("POST", f"/router/v1/leads/{first}/decline", {"reason": "no_capacity"}, partner=small)
    assert await owners(world, [await world.capture()]) == {small: 1}


async def test_a_lead_goes_straight_to_the_partner_that_is_named_or_brought_it(world: Standing) -> None:
    named, bringer = await world.partner("Named"), await world.partner("Bringer")
    await world.rules({"direct": "brought_by"}, {"direct": named})
    lead = await world.capture()
    assert (await world.routed(lead, "assigned"))["method"] == "direct"
    assert await owners(world, [lead]) == {named: 1}
    source = {"name": "Theirs", "kind": "native", "partner_id": bringer, "origin": "referral"}
    theirs = await world.ask("POST", "/ingest/v1/sources", source)
    body = {"person": {"email": f"otto@{secrets.token_hex(6)}.example"}}
    key = {"X-Leadway-Key": theirs["key"]}
    brought = await world.ask("POST", f"/ingest/v1/sources/{theirs['id']}/leads", body, headers=key)
    assert await owners(world, [brought["lead_id"]]) == {bringer: 1}


async def test_a_company_s_leads_follow_its_partner_and_two_partners_are_a_conflict(world: Standing) -> None:
    one, other = await world.partner("One"), await world.partner("Other")
    domain = f"{secrets.token_hex(6)}.example"

    async def lead(name: str, **fields: Any) -> str:
        person, company = {"email": f"{name}@{domain}"}, {"name": "Hof", "domain": domain, "country": "DE"}
        return await world.capture(person=person, company=company, **fields)

    await world.rules({"direct": one}, account="follow")
    assert await owners(world, [await lead("a", product="alpha")]) == {one: 1}
    await world.rules({"direct": other}, account="follow")
    assert await owners(world, [await lead("b", product="beta")]) == {other: 1}, "another product is another account"
    followed = await lead("c", product="alpha")
    assert (await world.routed(followed, "assigned"))["method"] == "account"
    assert await owners(world, [followed]) == {one: 1}
    both = await world.routed(await lead("d"), "retained", "assigned")
    assert both["owner"] == {"kind": "direct", "queue": "conflict"}


async def test_a_declined_lead_goes_on_without_that_partner_and_what_is_no_lead_to_review(world: Standing) -> None:
    a, b = await world.partner("A"), await world.partner("B")
    await world.rules(in_turn(a, b))
    lead = await world.capture()
    first = await world.routed(lead, "assigned")
    loser = first["owner"]["partner_id"]
    body = {"reason": "no_fit", "note": "too far away"}
    await world.ask("POST", f"/router/v1/leads/{lead}/decline", body, partner=loser)
    second = await world.routed(lead, "assigned", other_than=first["assignment_id"])
    holder = second["owner"]["partner_id"]
    assert {loser, holder} == {a, b}
    ended = await world.ask("GET", f"/router/v1/leads/{lead}", partner=loser)
    assert (ended["state"], ended["how"], ended["reason"]) == ("ended", "declined", "no_fit")
    assert holder not in json.dumps(ended), "never the next holder"
    again = await world.call("POST", f"/router/v1/leads/{lead}/accept", partner=loser)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/assignment-ended")
    await world.ask("POST", f"/router/v1/leads/{lead}/decline", {"reason": "not_a_lead"}, partner=holder)
    assert (await world.routed(lead, "retained"))["owner"]["queue"] == "review"


async def test_a_direct_lead_is_the_channel_manager_s_to_accept_or_decline(world: Standing) -> None:
    later = await world.partner("Later")
    await world.rules({"retain": {"queue": "inside-sales"}})
    lead = await world.capture()
    await world.routed(lead, "retained")
    accepted = await world.ask("POST", f"/router/v1/leads/{lead}/accept", role="cam")
    assert accepted["owner"] == {"kind": "direct", "queue": "inside-sales"}
    await world.rules({"direct": later})
    await world.ask("POST", f"/router/v1/leads/{lead}/decline", {"reason": "other"}, role="cam")
    assert await owners(world, [lead]) == {later: 1}
    held = await world.call("POST", f"/router/v1/leads/{lead}/accept", role="cam")
    assert (held.status_code, held.json()["type"]) == (403, "/problems/not-owner")


async def test_a_channel_manager_assigns_keeps_and_reroutes(world: Standing) -> None:
    a, b = await world.partner("A", cam="ines"), await world.partner("B")
    await world.rules({"direct": a})
    lead = await world.capture()
    await world.routed(lead, "assigned")
    path = f"/router/v1/leads/{lead}"
    assert (await world.call("GET", path, headers=world.cam("ines"))).status_code == 200
    assert (await world.call("GET", path, headers=world.cam("paul"))).status_code == 404
    await world.ask("POST", f"{path}/assign", {"partner_id": b, "reason": "knows them"}, role="cam")
    assert (await world.ask("GET", path))["owner"]["partner_id"] == b
    former = await world.ask("GET", path, partner=a)
    assert (former["state"], former["how"]) == ("ended", "withdrawn")
    await world.ask("POST", f"{path}/retain", {"queue": "key-accounts", "reason": "ours"}, role="cam")
    assert (await world.ask("GET", path))["owner"] == {"kind": "direct", "queue": "key-accounts"}
    await world.ask("POST", f"{path}/reroute", {"reason": "again"}, role="cam")
    assert (await world.ask("GET", path))["owner"]["queue"] == "nobody", "its only partner has lost it"
    await world.ask("POST", f"{path}/reroute", {"reason": "once more", "allow_again": True}, role="cam")
    assert (await world.ask("GET", path))["owner"]["partner_id"] == a


async def test_who_refuses_to_be_shared_stays_with_the_vendor(world: Standing) -> None:
    partner = await world.partner("P")
    await world.rules({"direct": partner})
    lead = await world.capture(consent=[{"purpose": "partner_sharing", "granted": False}])
    assert (await world.routed(lead, "retained", "assigned"))["owner"] == {"kind": "direct", "queue": "consent"}
    body = {"partner_id": partner, "reason": "please"}
    refused = await world.call("POST", f"/router/v1/leads/{lead}/assign", body)
    assert refused.status_code == 409


async def test_who_accepts_and_never_calls_loses_the_lead(world: Standing) -> None:
    a, b = await world.partner("A", tier="hurried"), await world.partner("B", tier="hurried")
    await world.rules(in_turn(a, b))
    lead = await world.capture()
    first = await world.routed(lead, "assigned")
    loser = first["owner"]["partner_id"]
    await world.ask("POST", f"/router/v1/leads/{lead}/accept", partner=loser)
    note = {"kind": "note", "note": "a note is no attempt"}
    await world.working(lead, loser)
    await world.ask("POST", f"/dealreg/v1/leads/{lead}/activities", note, partner=loser)
    second = await world.routed(lead, "assigned", other_than=first["assignment_id"])
    holder = second["owner"]["partner_id"]
    assert {loser, holder} == {a, b}
    ended = await world.ask("GET", f"/router/v1/leads/{lead}", partner=loser)
    assert (ended["how"], ended["reason"]) == ("reclaimed", "first_contact")

    await world.working(lead, holder)
    call = {"kind": "call", "outcome": "no_answer"}
    await world.ask("POST", f"/dealreg/v1/leads/{lead}/activities", call, partner=holder)
    late = await world.call("POST", f"/dealreg/v1/leads/{lead}/activities", call, partner=loser)
    assert (late.status_code, late.json()["type"]) == (409, "/problems/assignment-ended")
    await world.settled()
    clocks = await world.clocks(lead)
    due_at = datetime.fromisoformat(clocks[-1]["due_at"])
    await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds() + 0.5)
    await world.settled()
    assert (await world.ask("GET", f"/router/v1/leads/{lead}"))["assignment_id"] == second["assignment_id"]
    assert [(clock["clock"], clock["status"]) for clock in clocks] == [
        ("first_contact", "breached"),
        ("first_contact", "met"),
    ]
    assert clocks[0]["reminders"][0]["sent_at"]
    own = (await world.ask("GET", f"/sla-timer/v1/leads/{lead}", partner=holder))["clocks"]
    assert [clock["status"] for clock in own] == ["met"]


async def test_the_person_is_shown_from_when_the_rule_says(world: Standing) -> None:
    partner = await world.partner("P")
    await world.rules({"direct": partner}, reveal="accepted")
    lead = await world.capture()
    await world.routed(lead, "assigned")
    assert (await world.working(lead, partner))["person"] is None
    await world.ask("POST", f"/router/v1/leads/{lead}/accept", partner=partner)

    async def revealed() -> bool:
        person = (await world.working(lead, partner))["person"]
        return person is not None and person["last_name"] == "Quast"

    await eventually(revealed)

"""Small stories of deals, revenue, credit, and who is told what, over HTTP on one running system."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from standing import Standing, standing
from world import eventually, receiver

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_url: str) -> AsyncGenerator[Standing]:
    async with standing(postgres_url) as made:
        yield made


def euros(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "EUR"}


def company() -> dict[str, str]:
    word = secrets.token_hex(6)
    return {"name": f"Werk {word}", "domain": f"{word}.example", "country": "DE"}


async def registered(world: Standing, lead: str, partner: str, minor: int) -> str:
    """The id of a deal for a new opportunity."""
    body = {"name": "Archive", "amount": euros(minor), "expected_close": "2027-03-31"}
    path = f"/dealreg/v1/leads/{lead}"
    opportunity = await world.ask("POST", f"{path}/opportunities", body, partner=partner, expect=201)
    body = {"opportunity_id": opportunity["opportunity_id"]}
    return (await world.ask("POST", f"{path}/deals", body, partner=partner, expect=201))["deal_id"]


async def won(world: Standing, lead: str, partner: str, minor: int) -> str:
    """The id of a deal that was won."""
    deal = await registered(world, lead, partner, minor)
    await world.ask("POST", f"/dealreg/v1/deals/{deal}/win", {"amount": euros(minor)}, partner=partner)
    return deal


async def rows(world: Standing, query: str, **who: Any) -> Mapping[str | None, Any]:
    """Revenue rows by key."""
    answer = await world.ask("GET", f"/attribution/v1/revenue?{query}", **(who or {"role": "analyst"}))
    return {row["key"]: row for row in answer["rows"]}


async def revenue_of(world: Standing, partner: str, minor: int) -> None:
    """Wait until the partner's revenue is so much."""

    async def so_much() -> bool:
        row = (await rows(world, "by=partner")).get(partner)
        return row is not None and sum(each["revenue"] for each in row["amounts"]) == minor

    await eventually(so_much)


async def test_a_deal_that_a_partner_brings_has_a_lead_of_its_own_without_clocks(world: Standing) -> None:
    partner = await world.partner("Bringer")
    body = {"company": company(), "name": "Own find", "amount": euros(5000), "product": "imaging"}
    deal = await world.ask("POST", "/dealreg/v1/deals", body, partner=partner, expect=201)
    assert (deal["origin"], deal["linked"], deal["registration"]) == ("partner", False, "submitted")
    adopted = await world.routed(deal["lead_id"], "accepted")
    assert (adopted["method"], adopted["owner"]["partner_id"]) == ("originated", partner)
    await world.working(deal["lead_id"], partner)
    call = {"kind": "call", "outcome": "reached"}
    await world.ask("POST", f"/dealreg/v1/leads/{deal['lead_id']}/activities", call, partner=partner)
    assert await world.clocks(deal["lead_id"]) == []
    await world.ask("POST", f"/dealreg/v1/deals/{deal['deal_id']}/win", {"amount": euros(5000)}, partner=partner)
    await revenue_of(world, partner, 5000)
    assert None in await rows(world, "by=campaign"), "no campaign led to it"
    chain = await world.ask("GET", f"/attribution/v1/leads/{deal['lead_id']}", role="analyst")
    assert chain["began"]["origin"] == "partner"


async def test_a_deal_is_linked_to_the_partner_s_own_open_lead(world: Standing) -> None:
    partner, firm = await world.partner("Holder"), company()
    lead = await world.held(partner, company=firm, product="imaging")
    body = {"company": firm, "name": "The same", "amount": euros(100), "product": "imaging"}
    deal = await world.ask("POST", "/dealreg/v1/deals", body, partner=partner, expect=201)
    assert (deal["lead_id"], deal["linked"]) == (lead, True)


async def test_of_two_registrations_the_later_conflicts_and_its_partner_never_sees_with_whom(world: Standing) -> None:
    first, second, firm = await world.partner("First"), await world.partner("Second"), company()
    body = {"company": firm, "name": "Ours", "amount": euros(700), "product": "imaging"}
    earlier = await world.ask("POST", "/dealreg/v1/deals", body, partner=first, expect=201)
    approval = {"protect_for": "P30D"}
    approved = await world.ask("POST", f"/dealreg/v1/deals/{earlier['deal_id']}/approve", approval, role="cam")
    assert approved["registration"] == "approved"
    later = await world.ask("POST", "/dealreg/v1/deals", body, partner=second, expect=201)
    assert later["registration"] == "conflicted"
    seen = await world.ask("GET", f"/dealreg/v1/deals/{later['deal_id']}", role="cam")
    assert (seen["conflict"]["deal_id"], seen["conflict"]["partner_id"]) == (earlier["deal_id"], first)
    theirs = [
        await world.ask("GET", "/dealreg/v1/deals", partner=second),
        await world.ask("GET", f"/dealreg/v1/deals/{later['deal_id']}", partner=second),
        await world.ask("GET", f"/dealreg/v1/leads/{later['lead_id']}", partner=second),
        later,
    ]
    for secret in (first, earlier["deal_id"], earlier["lead_id"]):
        assert secret not in json.dumps(theirs)
    hidden = await world.call("GET", f"/dealreg/v1/deals/{earlier['deal_id']}", partner=second)
    assert hidden.status_code == 404


async def test_a_held_lead_s_company_conflicts_too(world: Standing) -> None:
    holder, other, firm = await world.partner("Holder"), await world.partner("Other"), company()
    await world.held(holder, company=firm, product="imaging")
    body = {"company": firm, "name": "Mine", "amount": euros(700), "product": "imaging"}
    deal = await world.ask("POST", "/dealreg/v1/deals", body, partner=other, expect=201)
    assert deal["registration"] == "conflicted"
    won_anyway = {"amount": euros(700)}
    found = await world.ask("POST", f"/dealreg/v1/deals/{deal['deal_id']}/win", won_anyway, partner=other)
    assert found["outcome"] == "won", "an unprotected deal may be won too"


async def test_revenue_follows_a_deal_through_win_amendment_and_reopening(world: Standing) -> None:
    partner = await world.partner("Seller")
    lead = await world.held(partner)
    deal = await registered(world, lead, partner, 1000)
    path = f"/dealreg/v1/deals/{deal}"
    await world.ask("POST", f"{path}/approve", {}, role="cam")
    resting = await world.partner("Resting", status="paused")

    async def guarded() -> bool:
        body = {"partner_id": resting, "reason": "look"}
        refused = await world.call("POST", f"/router/v1/leads/{lead}/assign", body, role="cam")
        assert refused.status_code == 409
        return refused.json()["type"] == "/problems/deal-open"

    await eventually(guarded)
    await world.ask("POST", f"{path}/win", {"amount": euros(1200)}, role="cam")
    await revenue_of(world, partner, 1200)
    change = {"amount": euros(900), "reason": "a site less", "effective_at": NOW.isoformat()}
    amended = await world.ask("POST", f"{path}/amend", change, role="cam")
    assert amended["booked"] == euros(900)
    await revenue_of(world, partner, 900)
    reopened = await world.ask("POST", f"{path}/reopen", {"reason": "not signed"}, role="cam")
    assert reopened["outcome"] == "open"
    await revenue_of(world, partner, 0)
    await world.settled()
    back = await world.routed(lead, "accepted")
    assert (back["method"], back["owner"]["partner_id"]) == ("reopened", partner)


async def test_a_lead_is_closed_and_opened_again(world: Standing) -> None:
    partner = await world.partner("Closer")
    lead = await world.held(partner)
    closing = {"outcome": "unreachable", "reason": "no answer in weeks"}
    closed = await world.ask("POST", f"/dealreg/v1/leads/{lead}/close", closing, partner=partner)
    assert (closed["state"], closed["outcome"]) == ("closed", "unreachable")
    assert (await world.routed(lead, "closed"))["outcome"] == "unreachable"
    ended = await world.ask("GET", f"/router/v1/leads/{lead}", partner=partner)
    assert (ended["state"], ended["how"]) == ("ended", "released")
    refused = await world.call("POST", f"/dealreg/v1/leads/{lead}/reopen", {"reason": "x"}, partner=partner)
    assert refused.status_code == 403
    await world.ask("POST", f"/dealreg/v1/leads/{lead}/reopen", {"reason": "they called"}, role="cam")
    assert (await world.routed(lead, "assigned"))["owner"]["partner_id"] == partner


async def test_webhooks_tell_a_former_holder_nothing_of_the_person(world: Standing) -> None:
    partner, next_one = await world.partner("Told"), await world.partner("Next")
    types = {"types": ["lead.assigned", "lead.accepted", "lead.withdrawn"]}
    async with receiver(world) as url:
        endpoint = await world.ask("POST", "/delivery/v1/endpoints", {"url": f"{url}/told", **types}, partner=partner)
        await world.rules({"direct": partner}, reveal="accepted")
        lead = await world.capture()
        await world.routed(lead, "assigned")
        assert (await told(world, 1))["person"] is None, "not before it accepts"
        await world.ask("POST", f"/router/v1/leads/{lead}/accept", partner=partner)
        assert (await told(world, 2))["person"]["last_name"] == "Quast"
        body = {"partner_id": next_one, "reason": "moved"}
        await world.ask("POST", f"/router/v1/leads/{lead}/assign", body, role="cam")
        assert (await told(world, 3))["person"] is None
        last = world.received[2]["body"]["data"]
        assert (last["current"], last["lead"]["state"]) == (False, "ended")
        await delivered(world, endpoint["id"], partner, 3)
        since = {"since": (NOW - timedelta(hours=1)).isoformat()}
        await world.ask("POST", f"/delivery/v1/endpoints/{endpoint['id']}/replay", since, partner=partner)
        await told(world, 6)
        again = world.received[3:]
        assert [each["body"]["data"]["current"] for each in again] == [False] * 3
        first, second = ([each["headers"]["webhook-id"] for each in part] for part in (world.received[:3], again))
        assert first == second, "told again under the same id"
        for secret in ("Quast", next_one):
            assert secret not in json.dumps([each["body"] for each in again])
        listed = (await world.ask("GET", "/delivery/v1/endpoints", partner=partner))["data"]
        assert [each["id"] for each in listed] == [endpoint["id"]]
        assert "secret" not in {name for name, value in listed[0].items() if value is not None}
        await world.ask("DELETE", f"/delivery/v1/endpoints/{endpoint['id']}", partner=partner, expect=204)


async def delivered(world: Standing, endpoint: str, partner: str, count: int) -> None:
    """Wait until delivery knows that so many messages arrived, and of none that did not."""

    async def look() -> bool:
        found = await world.ask("GET", f"/delivery/v1/endpoints/{endpoint}/deliveries", partner=partner)
        return [each["status"] for each in found["data"]] == ["delivered"] * count

    await eventually(look)


async def told(world: Standing, count: int) -> Any:
    """The lead in the newest message, as soon as there are so many."""

    async def look() -> bool:
        return len(world.received) >= count

    await eventually(look)
    assert len(world.received) == count
    return world.received[-1]["body"]["data"]["lead"]

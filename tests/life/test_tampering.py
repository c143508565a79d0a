"""A whole deployment judged as `leadway verify` judges it: all well; then each thing tampered with is named."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from standing import Standing, standing

from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts import LEAD_EVENTS, Envelope
from leadway.facts.codec import decode, encode_data, encode_headers
from leadway.facts.router import LeadAssigned
from leadway.hosting import services
from leadway.ids import draw
from leadway.verify import Verdict, verify

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY_THERE = "http://127.0.0.1:9/hook"
WHOLE = {f"I{number}" for number in range(1, 11)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_url: str) -> AsyncGenerator[Standing]:
    """One deal won with a credited campaign, and a message that no receiver takes."""
    async with standing(postgres_url) as made:
        partner = await made.partner("Holder")
        hook = {"url": NOBODY_THERE, "types": ["lead.assigned"]}
        await made.ask("POST", "/delivery/v1/endpoints", hook, partner=partner, expect=201)
        await made.settled()
        lead = await made.held(partner)
        money = {"minor": 12_500, "currency": "EUR"}
        path = f"/dealreg/v1/leads/{lead}"
        asked = {"name": "Archive", "amount": money, "expected_close": "2027-03-31"}
        opportunity = await made.ask("POST", f"{path}/opportunities", asked, partner=partner, expect=201)
        of = {"opportunity_id": opportunity["opportunity_id"]}
        deal = await made.ask("POST", f"{path}/deals", of, partner=partner, expect=201)
        await made.ask("POST", f"/dealreg/v1/deals/{deal['deal_id']}/win", {"amount": money}, partner=partner)
        await made.settled()
        yield made


async def judged(world: Standing) -> Mapping[str, Verdict]:
    log = world.deployment.log
    found = await verify(world.database, log, services(), settle_seconds=10.0)
    return {verdict.invariant: verdict for verdict in found.verdicts}


def broken(verdicts: Mapping[str, Verdict]) -> set[str]:
    return {name for name, verdict in verdicts.items() if not verdict.holds}


async def say(world: Standing, sql: str) -> Sequence[Any]:
    engine = create_async_engine(world.database)
    async with engine.begin() as connection:
        done = await connection.execute(text(sql))
        rows = done.all() if done.returns_rows else [None] * done.rowcount
    await engine.dispose()
    return rows


async def test_of_a_deployment_that_nobody_touched_everything_holds(world: Standing) -> None:
    verdicts = await judged(world)
    assert (set(verdicts), broken(verdicts)) == (WHOLE, set()), verdicts
    assert verdicts["I6"].looked_at
    assert verdicts["I7"].looked_at


@pytest.mark.parametrize(
    ("tampered", "mended", "invariants"),
    [
        (
            "UPDATE attribution.bookings SET minor = minor + 1",
            "UPDATE attribution.bookings SET minor = minor - 1",
            {"I5", "I6"},
        ),
        (
            "UPDATE router.counters SET sequence = sequence + 1",
            "UPDATE router.counters SET sequence = sequence - 1",
            {"I9"},
        ),
        (
            "UPDATE delivery.pending SET fact_id = 'x' || fact_id",
            "UPDATE delivery.pending SET fact_id = substr(fact_id, 2)",
            {"I5", "I7"},
        ),
    ],
    ids=["a cent more", "a fact that nobody has", "a message gone"],
)
async def test_what_was_tampered_with_in_a_database_is_named(
    world: Standing, tampered: str, mended: str, invariants: set[str]
) -> None:
    assert await say(world, tampered)
    verdicts = await judged(world)
    assert await say(world, mended)
    assert broken(verdicts) == invariants, verdicts


async def test_a_second_owner_that_the_router_never_made_is_named(world: Standing) -> None:
    """Last: whoever finds such a fact on the log stops, and rightly."""
    log = world.deployment.log
    lead = await world.held(await world.partner("Rightful"))
    [assigned] = [each for each in await on_the_log(world, lead) if isinstance(each.data, LeadAssigned)]
    where = Partition(LEAD_EVENTS, partition_of(lead.encode(), log.partitions))
    counters = await say(world, "SELECT topic, partition, sequence FROM router.counters")
    [last] = [row.sequence for row in counters if Partition(row.topic, row.partition) == where]
    forged = msgspec.structs.replace(
        assigned,
        id=draw("fact"),
        sequence=last + 1,
        data=msgspec.structs.replace(assigned.data, assignment_id=draw("asg"), partner_id=draw("ptr")),
    )
    record = NewRecord(lead.encode(), encode_data(forged.data), encode_headers(forged))
    producer = await log.producer("router")
    await producer.append(where, [record])
    await producer.close()
    assert {"I2", "I9"} <= broken(await judged(world))


async def on_the_log(world: Standing, lead: str) -> list[Envelope]:
    log = world.deployment.log
    found: list[Envelope] = []
    async for records in log.read(Partition(LEAD_EVENTS, partition_of(lead.encode(), log.partitions)), 0):
        found += [decode(dict(record.headers), record.value or b"") for record in records]
    return [each for each in found if each.subject == lead]

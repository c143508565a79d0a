"""`leadway parked` and `leadway doctor` on a real database, with services of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import toys

from leadway.cli._console import Failed
from leadway.cli._doctor._database import database as look_at_database
from leadway.cli._doctor._services import service as look_at_service
from leadway.cli._parked import Waiting, dropped, place_of, place_text, released, waiting_in
from leadway.cli._reach import opened_log
from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import EventLog
from leadway.hosting import Settings
from leadway.stage import Answer, Built, Request, Service, Stage
from leadway.stage.runtime import Runtime, create_views


def service_of(stage: Stage) -> Service:
    return Service(stage.service, "toys", stage, lambda _, __: Built(None))


TILL, TALLY = service_of(toys.TILL), service_of(toys.TALLY)


@dataclass
class Shop:
    """Till and tally on one database and log."""

    settings: Settings
    log: EventLog
    till: Runtime
    tally: Runtime

    async def take(self, number: int, lead: str = "lead_a", text: str = "") -> None:
        command = toys.Take(number, text=text)
        await self.till.execute(Request(command, lead, "user:me", respond=lambda _: Answer(201, {})))

    async def parked(self, count: int) -> list[Waiting]:
        return await eventually(lambda: waiting_in(self.settings, [TILL, TALLY]), count)

    async def turns(self, count: int) -> list[int]:
        rows = await eventually(lambda: self.tally.query("SELECT colour::int AS number FROM turns"), count)
        return sorted(row["number"] for row in rows)


async def eventually(look: Callable[[], Awaitable[list[Any]]], count: int) -> list[Any]:
    deadline = asyncio.get_running_loop().time() + 20
    while len(found := await look()) < count:
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.02)
    return found


@pytest_asyncio.fixture
async def shop(database: str) -> AsyncGenerator[Shop]:
    async with AsyncExitStack() as stack:
        settings = Settings(database_url=database, partitions=2)
        log = await stack.enter_async_context(opened_log(settings))
        runtimes = [await opened(stack, database, log, stage) for stage in (toys.TILL, toys.TALLY)]
        yield Shop(settings, log, *runtimes)


async def opened(stack: AsyncExitStack, url: str, log: EventLog, stage: Stage) -> Runtime:
    await migrate(url, stage.service, None)
    engine = connect(url, schema=schema_of(stage.service), role=role_of(stage.service))
    stack.push_async_callback(engine.dispose)
    async with engine.begin() as connection:
        await create_views(connection, stage)
    runtime = Runtime(stage=stage, engine=engine, log=log, instance=f"{stage.service}-1")
    stack.push_async_callback(runtime.close)
    await runtime.start()
    return runtime


async def test_what_is_parked_is_listed_with_its_reason_and_stays_while_the_cause_does(shop: Shop) -> None:
    await shop.take(1, text="poison")
    await shop.take(2)
    first, second = await shop.parked(2)
    assert (first.service, first.record.subject, first.record.type) == ("tally", "lead_a", "payment.taken.v1")
    assert "poison" in first.record.reason or "ValueError" in first.record.reason
    assert place_of(place_text(second.record.place)) == second.record.place

    handled, failed = await released(shop.settings, [TILL, TALLY], "lead_a")
    assert handled == 0
    assert len(failed) == 1
    assert "tally: lead_a" in failed[0]
    assert len(await shop.parked(2)) == 2


async def test_after_a_drop_the_rest_of_the_lead_is_released_in_order(shop: Shop) -> None:
    await shop.take(1, text="poison")
    await shop.take(2)
    await shop.take(3, lead="lead_b")
    first, _ = await shop.parked(2)
    assert await dropped(shop.settings, TALLY, first.record.place) == ("lead_a", 1)
    assert await released(shop.settings, [TILL, TALLY], "all") == (1, [])
    assert await shop.turns(2) == [2, 3]
    assert await waiting_in(shop.settings, [TILL, TALLY]) == []
    await shop.take(4)
    assert await shop.turns(3) == [2, 3, 4], "the lead goes on"


async def test_dropping_a_leads_only_record_lets_it_go_on(shop: Shop) -> None:
    await shop.take(1, text="poison")
    (only,) = await shop.parked(1)
    assert await dropped(shop.settings, TALLY, only.record.place) == ("lead_a", 0)
    await shop.take(2)
    assert await shop.turns(1) == [2]
    with pytest.raises(LookupError, match="nothing is parked at"):
        await dropped(shop.settings, TALLY, only.record.place)


async def test_nothing_of_an_unknown_lead_is_released(shop: Shop) -> None:
    assert await released(shop.settings, [TILL, TALLY], "lead_unknown") == (0, [])
    with pytest.raises(Failed, match="is no place"):
        place_of("lead-events/3")


async def test_the_doctor_sees_who_works_who_waits_and_who_would_not_start(shop: Shop) -> None:
    await shop.take(1, text="poison")
    await shop.parked(1)
    heads = await shop.log.heads()
    findings = await look_at_service(shop.settings, TALLY, shop.log, heads)
    assert [(one.level, one.what) for one in findings] == [("ok", "tally"), ("warn", "tally parked")]
    assert "1 facts of 1 leads" in findings[1].how

    await shop.till.close()
    await shop.till.keep("UPDATE sent SET id = 'fact_other'")
    down, refusing = await look_at_service(shop.settings, TILL, shop.log, heads)
    assert (down.level, down.how.partition(",")[0]) == ("warn", "0 running")
    assert refusing.level == "fail"
    assert "is not there" in refusing.how


async def test_the_doctor_warns_of_a_database_that_is_not_durable(shop: Shop) -> None:
    findings = {one.what: one for one in await look_at_database(shop.settings)}
    assert findings["database"].level == "ok"
    # The tests' own server need not survive a power cut.
    assert findings["fsync"].level == "fail"
    assert "power" in findings["fsync"].remedy

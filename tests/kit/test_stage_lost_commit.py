"""The answer to a COMMIT that never arrives: the runtime asks what became of it, and redoes nothing blindly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio
import toys
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild, taking
from wire import Loss, Wire

from leadway.stage import OutcomeUnknown
from leadway.stage._trouble import Aborted, resolve_commit
from leadway.stage.runtime import Runtime


@pytest_asyncio.fixture
async def wire(street: Street) -> AsyncGenerator[Wire]:
    async with Wire(street.url).opened() as wire:
        yield wire


@pytest_asyncio.fixture
async def far(street: Street, wire: Wire) -> AsyncGenerator[Street]:
    """The street as seen by a service whose way to its database is the wire."""
    async with AsyncExitStack() as stack:
        yield replace(street, url=wire.url, stack=stack)


@pytest_asyncio.fixture
async def till(far: Street) -> AsyncGenerator[Runtime]:
    """A till that decides requests and nothing else, so that the next COMMIT is theirs."""
    till = await far.open(toys.TILL, start=False)
    deciding = asyncio.create_task(till.gate.run())
    await till.execute(taking(0))
    yield till
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


async def taken_once(street: Street, *numbers: int) -> None:
    """Once in the state, and once on the log, after a relay that nothing troubles has sent everything."""
    relay = await street.open(toys.TILL, "relay")
    await eventually(lambda: everything_sent(relay), seconds=30)
    facts = [
        fact.data.number for fact in await in_effect(street.log, "till") if isinstance(fact.data, toys.PaymentTaken)
    ]
    assert sorted(facts) == sorted(numbers)
    assert await same_after_rebuild(relay)


async def test_a_server_of_another_timeline_is_not_believed(street: Street) -> None:
    till = await street.open(toys.TILL, start=False)
    own = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS line, pg_current_xact_id()::text AS number"
    found = (await till.query(own))[0]
    with pytest.raises(Aborted):
        await resolve_commit(till.engine, found["line"] + found["number"])
    with pytest.raises(OutcomeUnknown, match="another server"):
        await resolve_commit(till.engine, "0000000F" + found["number"])


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.REQUEST])
async def test_each_caller_of_the_batch_gets_the_answer_and_each_request_is_done_once(
    street: Street, wire: Wire, till: Runtime, loss: Loss
) -> None:
    wire.loses = loss
    asked = [
        till.execute(taking(number, f"lead_{number}", key=f"k{number}" if number % 2 else None))
        for number in range(1, 21)
    ]
    answers = await asyncio.gather(*asked)
    assert wire.lost == 1
    for number, answer in enumerate(answers, 1):
        assert len(answer.body["facts"]) == 1, f"{number} was decided again"
    assert await till.execute(taking(7, "lead_7", key="k7")) == answers[6]
    await taken_once(street, *range(21))


async def test_a_commit_that_is_still_on_its_way_is_waited_for(street: Street, wire: Wire, till: Runtime) -> None:
    wire.loses = Loss.LATE
    asked = asyncio.create_task(till.execute(taking(1)))
    await eventually(lambda: asyncio.sleep(0, wire.lost), seconds=30)
    await asyncio.sleep(0.3)  # long enough for it to have asked, and to have heard that it is in progress
    assert not asked.done()
    wire.let_go()
    assert len((await asked).body["facts"]) == 1
    await taken_once(street, 0, 1)


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.REQUEST])
async def test_where_nobody_can_be_asked_the_caller_is_told_so_and_its_key_tells_later(
    street: Street, wire: Wire, till: Runtime, loss: Loss
) -> None:
    wire.loses, wire.down = loss, True
    with pytest.raises(OutcomeUnknown):
        await till.execute(taking(1, key="k"))
    wire.down = False
    first = await till.execute(taking(1, key="k"))
    assert await till.execute(taking(1, key="k")) == first
    await taken_once(street, 0, 1)


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.REQUEST])
async def test_a_consumed_batch_takes_effect_once(street: Street, far: Street, wire: Wire, loss: Loss) -> None:
    near = await street.open(toys.TILL)
    tally = await far.open(toys.TALLY, start=False)
    consuming = asyncio.create_task(tally.consumer.run())
    try:
        await near.execute(taking(0))
        await eventually(lambda: counted(tally, 1), seconds=30)
        wire.loses = loss
        await asyncio.gather(*(near.execute(taking(number, f"lead_{number % 5}")) for number in range(1, 30)))
        await eventually(lambda: counted(tally, 30), seconds=30)
        assert wire.lost == 1
    finally:
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
    rows = await tally.query("SELECT turn FROM turns ORDER BY turn")
    assert [row["turn"] for row in rows] == list(range(1, 31)), "a batch that was decided twice would leave gaps"
    relay = await street.open(toys.TALLY, "relay")
    await eventually(lambda: everything_sent(relay), seconds=30)
    assert len(await in_effect(street.log, "tally")) == 30
    assert await same_after_rebuild(relay)

"""Rebuilt tables put in place while somebody is frozen in the middle of the old ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import toys
from sqlalchemy import text
from street import Street, editing, eventually, everything_sent, taking

from leadway.decider import StaleDocument
from leadway.hosting import StillRunning, rebuild
from leadway.stage import Built, Service
from leadway.stage.runtime import Runtime


def never(*_: object) -> Built:
    raise AssertionError("nobody serves it here")


TILL = Service(name="till", package="toys", stage=toys.TILL, build=never)


async def over(runtime: Runtime) -> None:
    """Its leases run out, as those of a frozen process do."""
    async with runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE leases SET until = clock_timestamp() - interval '1 hour'"))


async def frozen(runtime: Runtime) -> None:
    """Its loops stand still, and what it remembers stays."""
    for task in runtime._tasks:
        task.cancel()
    await asyncio.gather(*runtime._tasks, return_exceptions=True)
    await over(runtime)


async def waits_for_a_table(street: Street, runtime: Runtime) -> None:
    async def waits() -> bool:
        asked = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        return bool((await runtime.query(asked))[0]["n"])

    await eventually(waits)


def halted(runtime: Runtime) -> tuple[asyncio.Event, Callable[[], None]]:
    """The next batch comes to a halt before its COMMIT; what tells that it did, and what lets it go on."""
    there, go = asyncio.Event(), asyncio.Event()
    save = runtime.transactions._save

    async def halting(*given: object) -> object:
        outcome = await save(*given)  # type: ignore[arg-type]
        there.set()
        await go.wait()
        return outcome

    runtime.transactions._save = halting  # type: ignore[method-assign]
    return there, go.set


async def test_a_batch_that_commits_while_the_swap_waits_is_noticed(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(1))
    await eventually(lambda: everything_sent(till))
    there, go_on = halted(till)
    asked = asyncio.create_task(till.execute(taking(2)))
    await there.wait()
    await over(till)
    observer = await street.open(toys.TALLY, start=False)
    swap = asyncio.create_task(rebuild(street.url, street.log, TILL, swap=True))
    await waits_for_a_table(street, observer)
    go_on()
    assert (await asked).status == 201
    with pytest.raises(StillRunning):
        await swap
    assert (await till.lead("lead_a"))[0].taken == (1, 2)


async def test_who_was_frozen_over_a_swap_sees_that_its_catalogs_are_of_before(street: Street) -> None:
    thawing = await street.open(toys.TILL, "thawing")
    for label in ("a", "b", "c"):
        await thawing.execute(editing("red", label))
    await eventually(lambda: everything_sent(thawing))
    await frozen(thawing)
    await rebuild(street.url, street.log, TILL, swap=True)
    other = await street.open(toys.TILL, "other")
    assert (await other.execute(editing("red", "d", if_match=3))).body == 4
    await eventually(lambda: everything_sent(other))
    deciding = asyncio.create_task(thawing.gate.run())
    try:
        with pytest.raises(StaleDocument, match="version 4 is in force"):
            await thawing.execute(editing("red", "e", if_match=3))
    finally:
        deciding.cancel()
        await asyncio.gather(deciding, return_exceptions=True)

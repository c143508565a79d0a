"""Turns: what a lead waits for goes first, and what is behind it still has its share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
import toys
from street import Street, counted, eventually, everything_sent, taking

from leadway.facts import Fact
from leadway.stage import Catalogs
from leadway.stage.runtime import Behind, Turns

LONG = 60.0


async def over(waiting: Coroutine[Any, Any, Any], *, seconds: float = 0.1) -> bool:
    """Whether a wait ends by itself within a moment."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return False
    return True


async def test_nothing_ahead_lets_a_stage_behind_go_on() -> None:
    assert await over(Behind(Turns()).wait())


async def test_a_stage_behind_waits_while_something_is_ahead() -> None:
    turns = Turns(wait_seconds=LONG)
    with turns.ahead(), turns.ahead():
        assert not await over(Behind(turns).wait())
    assert await over(Behind(turns).wait())


async def test_it_is_woken_when_nothing_is_ahead_any_more() -> None:
    turns = Turns(wait_seconds=LONG)
    with turns.ahead():
        waiting = asyncio.create_task(Behind(turns).wait())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    async with asyncio.timeout(LONG / 2):
        await waiting


async def test_it_waits_until_the_next_step_would_have_come() -> None:
    turns = Turns(wait_seconds=LONG, quiet_seconds=LONG)
    with turns.ahead():
        pass
    assert not await over(Behind(turns).wait())


async def test_it_has_its_share_however_busy_the_others_are() -> None:
    turns = Turns(wait_seconds=0.01)
    with turns.ahead():
        assert await over(Behind(turns).wait())


async def test_a_long_batch_leaves_the_others_longer() -> None:
    turns = Turns(wait_seconds=0.01, share=0.25)
    with turns.ahead():
        assert not await over(Behind(turns).wait(took_seconds=0.5))


async def test_it_pauses_even_where_nothing_is_ahead() -> None:
    assert not await over(Behind(Turns()).wait(pause_seconds=LONG))


async def test_whoever_is_hurried_waits_no_longer() -> None:
    turns = Turns(wait_seconds=LONG, quiet_seconds=LONG)
    behind = Behind(turns)
    with turns.ahead():
        waiting = asyncio.create_task(behind.wait(pause_seconds=LONG))
        await asyncio.sleep(0)
        behind.hurry()
        async with asyncio.timeout(LONG / 2):
            await waiting
        assert not await over(behind.wait()), "once for each hurry"


@pytest.mark.parametrize("waking", [frozenset[type[Fact]](), frozenset({toys.PaymentTaken})], ids=["nothing", "a fact"])
async def test_a_stage_that_nothing_wakes_at_the_moment_keeps_behind(
    street: Street, waking: frozenset[type[Fact]]
) -> None:
    def wakes(_: Catalogs) -> frozenset[type[Fact]]:
        return waking

    till = await street.open(toys.TILL)
    tally = await street.open(replace(toys.TALLY, waking=wakes))
    async with tally.consumer.turns.one:  # it is another one's turn
        await till.execute(taking(1))
        await eventually(lambda: everything_sent(till))
        tally.consumer.hurry()
        assert await over(eventually(lambda: counted(tally, 1)), seconds=5.0 if waking else 0.5) == bool(waking)
    await eventually(lambda: counted(tally, 1))

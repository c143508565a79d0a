"""How requests share transactions: one batch at a time, and a second one beside it only for a crowd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import toys
from sqlalchemy import text
from street import Street, eventually, everything_sent, taking

from leadway.stage import Answer, Request
from leadway.stage.runtime import GateLimits, Runtime

CROWD = GateLimits().crowd_min
WAITING = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"


async def only_the_gate_works(till: Runtime) -> bool:
    """What was decided before has been sent."""
    return till.gate.turns.under_way == 1


@asynccontextmanager
async def held_by_somebody(till: Runtime, lead: str) -> AsyncGenerator[None]:
    """The lead's row is locked, so a batch with a request about it comes to a halt in the database."""
    async with till.engine.begin() as connection:
        await connection.execute(text("SELECT FROM subjects WHERE subject = :lead FOR UPDATE"), {"lead": lead})
        yield


async def stuck(till: Runtime, number: int) -> asyncio.Task[Answer]:
    """A request whose batch waits for the lead that somebody holds."""
    request = asyncio.create_task(till.execute(taking(number)))

    async def waits() -> bool:
        return (await till.query(WAITING))[0]["n"] == 1

    await eventually(waits)
    return request


async def test_a_crowd_is_decided_while_the_batch_before_it_is_in_the_database(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(0))
    async with held_by_somebody(till, "lead_a"):
        first = await stuck(till, 1)
        crowd = await asyncio.gather(*(till.execute(taking(2, f"lead_{number}")) for number in range(CROWD)))
        assert [answer.status for answer in crowd] == [201] * CROWD
        assert not first.done()
    assert (await first).status == 201
    assert sorted((await till.lead("lead_a"))[0].taken) == [0, 1]


async def test_a_few_wait_for_the_batch_before_them_and_for_a_crowd_at_most(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(0))
    async with held_by_somebody(till, "lead_a"):
        first = await stuck(till, 1)
        await eventually(lambda: only_the_gate_works(till))
        few = [asyncio.create_task(till.execute(taking(2, f"lead_{number}"))) for number in range(CROWD - 1)]
        for _ in range(10):  # turns of the loop, in which a further batch would begin, were it to
            await asyncio.sleep(0)
        assert till.gate.turns.under_way == 1
        last = asyncio.create_task(till.execute(taking(2, "lead_last")))
        assert [answer.status for answer in await asyncio.gather(*few, last)] == [201] * CROWD
        assert not first.done()
    assert (await first).status == 201


async def test_closing_finishes_both_lanes(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(0))
    await till.execute(taking(0, "lead_b"))
    async with held_by_somebody(till, "lead_a"), held_by_somebody(till, "lead_b"):
        first = await stuck(till, 1)
        crowd = [asyncio.create_task(till.execute(taking(number, "lead_b"))) for number in range(1, CROWD + 1)]

        async def both_wait() -> bool:
            return (await till.query(WAITING))[0]["n"] == 2

        await eventually(both_wait)
        closing = asyncio.create_task(till.close())
        await asyncio.sleep(0)
    await closing
    assert {answer.status for answer in await asyncio.gather(first, *crowd)} == {201}


async def test_an_informed_request_is_decided_on_all_that_the_log_says_by_then(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    for number in range(5):
        await till.execute(taking(number))
        await eventually(lambda: everything_sent(till))
        request = Request(
            toys.Count(100 + number, "red"),
            "lead_a",
            "user:me",
            respond=lambda decided: Answer(200, decided.around.mirror.payments),
            informed=True,
        )
        assert (await tally.execute(request)).body == number + 1

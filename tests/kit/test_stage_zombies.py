"""Processes frozen past their leases that then go on: what they had begun has no effect, or the one it had already."""

from __future__ import annotations

import asyncio
import itertools
import signal

import pytest
import toys
from branch import LEASE_SECONDS, Branch, branch, street_of
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild, taking

from leadway.stage import OutcomeUnknown, Request, Unavailable
from leadway.stage.runtime import Runtime

PATIENCE = 60.0


async def test_a_consumer_frozen_in_its_transaction_is_fenced_and_works_again(database: str) -> None:
    async with street_of(database) as street, branch(database, "tally", freeze="deciding") as zombie:
        till = await street.open(toys.TILL, lease_seconds=LEASE_SECONDS)
        await pay(till, 10)
        tally = await street.open(toys.TALLY, start=False)
        await eventually(lambda: counted(tally, 10), seconds=PATIENCE)
        await till.execute(taking(11, "lead_1", colour="ice"))  # decided, it stands still with lead and colour locked
        await zombie.frozen()
        successor = await street.open(toys.TALLY, "successor", lease_seconds=LEASE_SECONDS)
        await pay(till, 30, first=12)
        await eventually(lambda: counted(successor, 30), seconds=PATIENCE)
        zombie.signal(signal.SIGCONT)
        await pay(till, 50, first=31)
        await eventually(lambda: counted(successor, 50), seconds=PATIENCE)
        await successor.close()
        await pay(till, 60, first=51)
        await eventually(lambda: counted(tally, 60), seconds=PATIENCE)
        await eventually(lambda: everything_sent(tally), seconds=PATIENCE)
        await zombie.leave()
        await each_once(street, 60)


async def test_a_consumer_frozen_with_records_in_hand_does_not_take_them_when_others_did(database: str) -> None:
    async with street_of(database) as street, branch(database, "tally", freeze="reading") as zombie:
        till = await street.open(toys.TILL, lease_seconds=LEASE_SECONDS)
        await pay(till, 10)
        await zombie.frozen()
        successor = await street.open(toys.TALLY, "successor", lease_seconds=LEASE_SECONDS)
        await pay(till, 20, first=11)
        await eventually(lambda: counted(successor, 20), seconds=PATIENCE)
        await successor.close()
        zombie.signal(signal.SIGCONT)
        await pay(till, 30, first=21)
        await eventually(lambda: counted(successor, 30), seconds=PATIENCE)
        await eventually(lambda: everything_sent(successor), seconds=PATIENCE)
        await zombie.leave()
        await each_once(street, 30)


@pytest.mark.parametrize("where", ["before_sending", "after_sending"])
async def test_a_relay_frozen_at_its_sending_doubles_nothing_and_marks_nothing_back(database: str, where: str) -> None:
    async with street_of(database) as street, branch(database, "till", freeze=where) as zombie:
        asked = [asyncio.create_task(zombie.take(n, f"lead_{n}", f"key{n}")) for n in range(1, 11)]
        await zombie.frozen()
        successor = await street.open(toys.TILL, "successor", lease_seconds=LEASE_SECONDS)
        tally = await street.open(toys.TALLY, lease_seconds=LEASE_SECONDS)
        await pay(successor, 30, first=11)
        await eventually(lambda: everything_sent(successor), seconds=PATIENCE)
        zombie.signal(signal.SIGCONT)
        await asyncio.gather(*asked)
        # What it did not answer before it froze may have been undone: asked again, it is there.
        await asyncio.gather(*(ask_until_told(zombie, n) for n in range(1, 11)))
        await pay(successor, 40, first=31)
        await successor.close()
        await ask_until_told(zombie, 41)
        await eventually(lambda: counted(tally, 41), seconds=PATIENCE)
        for runtime in (successor, tally):
            await eventually(lambda runtime=runtime: everything_sent(runtime), seconds=PATIENCE)
        await zombie.leave()
        await each_once(street, 41)


async def test_processes_frozen_amid_their_work_lose_and_double_nothing(database: str) -> None:
    numbers = itertools.count(1)
    async with street_of(database) as street, branch(database, "till", "tally") as zombie:
        till = await street.open(toys.TILL, lease_seconds=LEASE_SECONDS)
        tally = await street.open(toys.TALLY, lease_seconds=LEASE_SECONDS)
        done = asyncio.Event()
        paying = [asyncio.create_task(pay_both(till, zombie, numbers, done)) for _ in range(4)]
        for _ in range(2):
            await asyncio.sleep(0.5)
            zombie.signal(signal.SIGSTOP)
            await asyncio.sleep(2.5 * LEASE_SECONDS)
            zombie.signal(signal.SIGCONT)
        done.set()
        await asyncio.gather(*paying)
        last = next(numbers) - 1
        await pay(till, last)
        await eventually(lambda: counted(tally, last), seconds=PATIENCE)
        for runtime in (till, tally):
            await eventually(lambda runtime=runtime: everything_sent(runtime), seconds=PATIENCE)
        await zombie.leave()
        await each_once(street, last)


def payment(number: int) -> Request:
    return taking(number, f"lead_{number % 5}", f"key{number}", colour=f"c{number % 2}")


async def pay(till: Runtime, last: int, *, first: int = 1) -> None:
    await asyncio.gather(*(pay_one(till, number) for number in range(first, last + 1)))


async def pay_one(till: Runtime, number: int) -> None:
    """As a caller does: what was not answered is asked again under its key. On a busy machine this process may itself
    be silent for longer than the short lease, and lose its connections to the other one.
    """
    while True:
        try:
            await till.execute(payment(number))
        except (OutcomeUnknown, Unavailable):
            await asyncio.sleep(0.1)
        else:
            return


async def ask_until_told(zombie: Branch, number: int) -> None:
    async def told() -> bool:
        return isinstance(await zombie.take(number, f"lead_{number}", f"key{number}"), dict)

    await eventually(told, seconds=PATIENCE)


async def pay_both(till: Runtime, zombie: Branch, numbers: itertools.count[int], done: asyncio.Event) -> None:
    """Half of the payments here, half at the other process; what the frozen one owes is not waited for."""
    while not done.is_set():
        await pay_one(till, next(numbers))
        number = next(numbers)
        where = {"lead": f"lead_{number % 5}", "key": f"key{number}", "colour": f"c{number % 2}"}
        asked = asyncio.create_task(zombie.take(number, **where))
        await asyncio.wait([asked], timeout=0.2)


async def each_once(street: Street, count: int) -> None:
    for stage in (toys.TILL, toys.TALLY):
        runtime = await street.open(stage, start=False)
        facts = [fact.data for fact in await in_effect(street.log, stage.service)]
        numbers = [fact.number for fact in facts if isinstance(fact, toys.PaymentTaken | toys.PaymentCounted)]
        assert sorted(numbers) == list(range(1, count + 1))
        assert await same_after_rebuild(runtime)
    seen = await (await street.open(toys.TALLY, start=False)).query("SELECT sum(payments) AS payments FROM seen")
    assert seen[0]["payments"] == count

"""kill -9 at each named point of the runtime: what was answered stays, what was not is done once when asked again."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import toys
from branch import Branch, Gone, branch, street_of
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild

POINTS = (
    "transaction.before_commit:6",
    "transaction.after_commit:6",
    "relay.before_sending",
    "relay.between_sending_and_marking:4",
)
_WORKERS = 4


@pytest.mark.parametrize("point", POINTS)
async def test_services_killed_at_a_named_point_lose_and_double_nothing(database: str, point: str) -> None:
    async with street_of(database) as street:
        await die_and_go_on(street, point)


async def test_on_kafka_too_what_was_sent_and_not_marked_takes_effect_once(
    database: str, kafka: str, fresh_topics: str
) -> None:
    async with street_of(database, kafka, fresh_topics) as street:
        await die_and_go_on(street, "relay.between_sending_and_marking:3", kafka=kafka, prefix=fresh_topics)


async def die_and_go_on(street: Street, point: str, **where: str) -> None:
    numbers = itertools.count(1)
    answered: dict[int, Any] = {}
    async with branch(street.url, "till", "tally", crash=point, **where) as doomed:
        await asyncio.gather(*(ask_on(doomed, numbers, answered) for _ in range(_WORKERS)))
        assert await doomed.death() == -signal.SIGKILL
    last = next(numbers)
    async with branch(street.url, "till", "tally", **where) as whole:
        # A client that heard nothing asks again under the same key; one that heard hears the same again.
        answers = await asyncio.gather(*(pay(whole, number) for number in range(1, last)))
        for number, answer in enumerate(answers, 1):
            assert len(answer["facts"]) == 1
            assert answered.get(number, answer) == answer
        till, tally = [await street.open(stage, start=False) for stage in (toys.TILL, toys.TALLY)]
        await eventually(lambda: counted(tally, last - 1), seconds=60)
        for runtime in (till, tally):
            await eventually(lambda runtime=runtime: everything_sent(runtime), seconds=60)
        await whole.leave()
    await once_and_the_same(street, last - 1)


async def ask_on(doomed: Branch, numbers: Iterator[int], answered: dict[int, Any]) -> None:
    try:
        for number in numbers:
            answered[number] = await pay(doomed, number)
    except Gone:
        return


async def pay(at: Branch, number: int) -> Any:
    return await at.take(number, f"lead_{number % 7}", f"key{number}", colour=f"c{number % 3}")


async def once_and_the_same(street: Street, count: int) -> None:
    """Each payment is once on the log and in both services' states, and a rebuild comes to the same."""
    for stage in (toys.TILL, toys.TALLY):
        runtime = await street.open(stage, start=False)
        facts = await in_effect(street.log, stage.service)
        said = [fact.data.number for fact in facts if isinstance(fact.data, toys.PaymentTaken | toys.PaymentCounted)]
        assert sorted(said) == list(range(1, count + 1))
        assert await same_after_rebuild(runtime)
    seen = await (await street.open(toys.TALLY, start=False)).query("SELECT sum(payments) AS payments FROM seen")
    assert seen[0]["payments"] == count

"""Two instances on one lead at once, and a log that refuses: locks and order hold where timing is at its worst."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import toys
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild, taking

from leadway.decider import Decider
from leadway.eventlog import LogError, NewRecord, Partition, Producer
from leadway.facts import Fact
from leadway.stage import Answer, Stage
from leadway.stage.runtime import Runtime


async def two_tills(street: Street, stage: Stage = toys.TILL) -> tuple[Runtime, Runtime]:
    return await street.open(stage, "1"), await street.open(stage, "2")


async def test_what_two_instances_decide_of_one_lead_at_once_is_decided_one_after_the_other(street: Street) -> None:
    first, second = await two_tills(street)
    await first.execute(taking(0))
    for number in range(1, 41, 2):
        await asyncio.gather(first.execute(taking(number)), second.execute(taking(number + 1)))
    assert sorted((await first.lead("lead_a"))[0].taken) == list(range(41))
    await eventually(lambda: everything_sent(first), seconds=30)
    assert await same_after_rebuild(first)


async def test_of_two_instances_asked_for_the_last_one_at_once_one_gives_it(street: Street) -> None:
    def first_come(command: toys.Take, state: toys.Till) -> list[Fact]:
        if state.taken:
            raise toys.AlreadyTaken
        return toys.decide_take(command, state)

    stage = replace(toys.TILL, leads=Decider(toys.Till(), first_come, toys.evolve_till))
    tills = await two_tills(street, stage)
    for lead in (f"lead_{number}" for number in range(20)):  # a lead that nobody knew: there is no row to lock yet
        racing = (till.execute(taking(number, lead)) for number, till in enumerate(tills * 2))
        answers = await asyncio.gather(*racing, return_exceptions=True)
        assert sum(isinstance(answer, Answer) for answer in answers) == 1
        assert sum(isinstance(answer, toys.AlreadyTaken) for answer in answers) == 3


class FailingProducer:
    """Refuses one append of several records, as a log does that is away for a moment."""

    def __init__(self, producer: Producer, failing: list[int]) -> None:
        self._producer = producer
        self._failing = failing

    async def append_many(self, batches: Mapping[Partition, Sequence[NewRecord]]) -> Mapping[Partition, int]:
        if self._failing and sum(map(len, batches.values())) >= self._failing[0]:
            self._failing.pop()
            raise LogError("the log is away")
        await asyncio.sleep(0.02)
        return await self._producer.append_many(batches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


async def test_after_an_append_that_failed_the_log_goes_on_without_a_gap(street: Street) -> None:
    failing = [5]
    original = street.log.producer

    async def producer(service: str) -> Any:
        found = await original(service)
        return FailingProducer(found, failing) if service == "till" else found

    street.log.producer = producer  # type: ignore[method-assign]
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await asyncio.gather(*(till.execute(taking(number)) for number in range(100)))
    await eventually(lambda: counted(tally, 100), seconds=30)
    assert failing == []
    assert len(await in_effect(street.log, "till")) == 100
    assert tally.stopped is None

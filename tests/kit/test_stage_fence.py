"""Positions are the fence: whoever read records that another instance has taken meanwhile cannot take them too."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import toys
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild, taking

from leadway.eventlog import EventLog
from leadway.stage import SharedFold, Stage
from leadway.stage._inputs import Advance, Batch
from leadway.stage._reading import Reader
from leadway.stage._refusals import Fenced

PAYMENTS = 5
# Where there are identities, their rows come between positions and leads: the positions are moved by themselves.
KNOWING = replace(
    toys.TALLY, identity=SharedFold(keys=lambda _: [], initial=lambda _: 0, evolve=lambda _, v, __: v, value_type=int)
)


async def all_read(log: EventLog, stage: Stage) -> Batch:
    """Everything on the log, as an instance has it in hand that began at the beginning."""
    batch, reader = Batch([]), Reader(stage)
    for partition, head in (await log.heads()).items():
        marks: dict[str, int] = {}
        async for records in log.read(partition, 0, head):
            reading = reader.read(records, marks)
            marks = reading.marks
            batch.inputs.extend(reading.inputs)
        if head:
            batch.advances += (Advance(partition, 0, head, marks),)
    return batch


@pytest.mark.parametrize("stage", [toys.TALLY, KNOWING], ids=["plain", "with identities"])
async def test_what_another_instance_took_is_not_taken_again(street: Street, stage: Stage) -> None:
    till = await street.open(toys.TILL)
    await asyncio.gather(*(till.execute(taking(number)) for number in range(PAYMENTS)))
    await eventually(lambda: everything_sent(till), seconds=30)
    in_hand = await all_read(street.log, stage)
    assert len(in_hand.inputs) == PAYMENTS
    late, prompt = await street.open(stage, "late", start=False), await street.open(stage, "prompt")
    await eventually(lambda: counted(prompt, PAYMENTS), seconds=30)
    with pytest.raises(Fenced):
        await late.transactions.run(in_hand)
    await eventually(lambda: everything_sent(prompt), seconds=30)
    assert len(await in_effect(street.log, "tally")) == PAYMENTS
    seen = await prompt.query("SELECT sum(payments) AS payments FROM seen")
    assert seen[0]["payments"] == PAYMENTS
    assert await same_after_rebuild(prompt)

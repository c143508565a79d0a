"""Parked facts, released by more than one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import toys
from street import Street, eventually, same_after_rebuild, taking

from leadway.facts import Envelope
from leadway.stage.runtime import CatalogCache, ParkedRecord, ParkingLot, Runtime, Transactions


def mended(tally: Runtime) -> ParkingLot:
    """The parking lot as an operator's own process sees it, with a release that can read what was poison."""

    def translate(envelope: Envelope) -> toys.Count | None:
        fact = envelope.data
        return toys.Count(fact.number, fact.colour) if isinstance(fact, toys.PaymentTaken) else None

    stage = replace(tally.stage, translate=translate)
    transactions = Transactions(tally.engine, stage, partitions=tally.log.partitions, cache=CatalogCache())
    return ParkingLot(tally.engine, tally.log, transactions)


async def test_two_who_release_one_lead_at_once_apply_each_fact_once(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await till.execute(taking(1, text="poison"))
    for number in (2, 3, 4):
        await till.execute(taking(number))

    async def all_wait() -> Sequence[ParkedRecord]:
        waiting = await mended(tally).list()
        return waiting if len(waiting) == 4 else ()

    await eventually(all_wait)
    await asyncio.gather(*(mended(tally).release("lead_a") for _ in range(3)))
    state, mirror = await tally.lead("lead_a")
    assert mirror.payments == 4
    assert sorted(state.turns) == ["1", "2", "3", "4"]
    assert await mended(tally).list() == []
    assert await same_after_rebuild(tally)

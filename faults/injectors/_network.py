"""Faults of the way between a service and its database: slow, cut, half-open, an answer to COMMIT lost."""

from __future__ import annotations

import asyncio
import time
from random import Random

from faults.injectors._registry import Inject, live
from faults.proxy import Loss
from faults.world import World

_COMMIT_SECONDS_MAX = 6.0


@live("connections to the database cut", 14)
async def cut(world: World, chance: Random) -> bool:
    instance = world.pick(chance)
    return instance is not None and instance.proxy.cut() > 0


@live("slow way to the database", 8)
async def slow(world: World, chance: Random) -> bool:
    instance = world.pick(chance)
    if instance is None:
        return False
    instance.proxy.delay_seconds = chance.uniform(0.02, 0.2)
    await asyncio.sleep(chance.uniform(0.8, 2.5))
    instance.proxy.delay_seconds = 0.0
    return True


@live("half-open way to the database", 8)
async def half_open(world: World, chance: Random) -> bool:
    instance = world.pick(chance)
    if instance is None:
        return False
    instance.busy = True
    instance.proxy.freeze()
    await asyncio.sleep(chance.choice((0.5, 1.5, LONG_SECONDS)))
    instance.proxy.heal()
    instance.busy = False
    return True


LONG_SECONDS = 5.0  # past the lease: meanwhile another instance has taken over


def _lost(name: str, loss: Loss, weight: int) -> None:
    async def lose(world: World, chance: Random) -> bool:
        instance = world.pick(chance)
        if instance is None:
            return False
        proxy, before = instance.proxy, instance.proxy.lost
        proxy.lose(loss)
        deadline = time.monotonic() + _COMMIT_SECONDS_MAX
        while proxy.lost == before and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        if loss is Loss.HUSH:
            await asyncio.sleep(chance.uniform(1, 4))
        reached = proxy.lost > before
        if loss is Loss.HUSH or not reached:
            proxy.heal()
        return reached

    inject: Inject = lose
    live(name, weight)(inject)


_lost("COMMIT lost on its way", Loss.REQUEST, 7)
_lost("answer to COMMIT lost", Loss.ANSWER, 10)
_lost("answer to COMMIT swallowed half-open", Loss.HUSH, 5)

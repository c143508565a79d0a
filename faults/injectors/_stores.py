"""Faults of the stores: kill -9 of PostgreSQL and of the Kafka broker, and their return over the same files."""

from __future__ import annotations

import asyncio
import time
from random import Random

from faults.injectors._registry import live
from faults.instances import OK
from faults.stores import Store
from faults.world import World


@live("kill -9 of PostgreSQL", 5)
async def kill_postgres(world: World, chance: Random) -> bool:
    await _kill(world, world.postgres, chance.uniform(0, 1.5))
    return True


@live("kill -9 of the Kafka broker", 3, kafka=True)
async def kill_kafka(world: World, chance: Random) -> bool:
    if world.kafka is None:
        return False
    await _kill(world, world.kafka, chance.uniform(0, 2))
    return True


async def _kill(world: World, store: Store, away_seconds: float) -> None:
    async with world.outage:
        world.note_outage()
        begun = time.monotonic()
        await store.kill()
        await asyncio.sleep(away_seconds)
        await store.start()
        standing = [each for each in world.supervisor.instances if each.wanted and not each.busy]
        late = standing
        while late and time.monotonic() - begun < _SECONDS_MAX:
            said = {each: (await each.health(world.client))[0] for each in late}
            late = [each for each in late if each.wanted and said[each] != OK and not each.busy]
            await asyncio.sleep(0.05)
        name = "PostgreSQL" if store.kind == "postgres" else "Kafka"
        world.supervisor.recoveries.setdefault(name, []).append(time.monotonic() - begun)
        world.supervisor.stores_down_at = time.monotonic()
        world.supervisor.stores_up.set()


_SECONDS_MAX = 60.0

"""Faults of processes: killed, killed at a named place, frozen past their lease, joining and leaving."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random

from faults.injectors._registry import Inject, live
from faults.instances import Instance, last_words
from faults.world import LEASE_SECONDS, World
from leadway.hosting import service_names

_CRASH_SECONDS_MAX = 20.0
# In good order; or, while it was still starting, with nothing begun.
_LEFT = {0, -signal.SIGTERM, 128 + signal.SIGTERM}
_WRITERS = tuple(name for name in service_names() if name != "attribution")


@live("kill -9 of a service", 14)
async def kill(world: World, chance: Random) -> bool:
    instance = world.pick(chance)
    if instance is None:
        return False
    instance.kill("kill")
    return True


@live("kill -9 of all instances of a service", 3)
async def kill_all(world: World, chance: Random) -> bool:
    service = chance.choice(("router", "sla-timer"))
    free = [each for each in world.supervisor.of(service) if each.alive and not each.busy]
    for each in free:
        each.kill("kill")
    return bool(free)


def _crash(point: str, weight: int, passes_max: int, services: tuple[str, ...]) -> None:
    async def crash(world: World, chance: Random) -> bool:
        instance = world.pick(chance, *services)
        if instance is None:
            return False
        instance.busy = True
        instance.armed = f"{point}:{chance.randint(1, passes_max)}"
        instance.kill("armed")
        deadline = time.monotonic() + _CRASH_SECONDS_MAX
        while instance.armed and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        reached = not instance.armed
        if not reached:
            instance.armed = None
            instance.kill("disarmed")
        instance.busy = False
        return reached

    inject: Inject = crash
    live(f"crash at {point}", weight)(inject)


_crash("transaction.before_commit", 5, 12, service_names())
_crash("transaction.after_commit", 5, 12, service_names())
_crash("relay.before_sending", 5, 8, _WRITERS)
_crash("relay.between_sending_and_marking", 5, 8, _WRITERS)
_crash("delivery.between_sending_and_recording", 4, 6, ("delivery",))


@live("frozen past its lease and thawed", 8)
async def freeze(world: World, chance: Random) -> bool:
    wanted = ("router", "sla-timer") if chance.random() < 0.5 else ()
    instance = world.pick(chance, *wanted)
    if instance is None:
        return False
    instance.busy = instance.frozen = True
    process = instance.process
    instance.signal(signal.SIGSTOP)
    await asyncio.sleep(LEASE_SECONDS * chance.uniform(1.2, 2.2))
    if instance.process is process:
        instance.signal(signal.SIGCONT)
    instance.busy = instance.frozen = False
    return True


@live("an instance joins and leaves", 4)
async def join(world: World, chance: Random) -> bool:
    instance = await world.add(chance.choice(service_names()))
    instance.busy = True
    until = time.monotonic() + chance.uniform(3, 8)
    while time.monotonic() < until:
        await asyncio.sleep(0.1)
    await leave(world, instance)
    return True


async def leave(world: World, instance: Instance) -> None:
    """Stop an instance in good order, and forget it."""
    code = await instance.stop()
    if code not in _LEFT and world.supervisor.stores_up.is_set():
        world.supervisor.unexpected.append(f"{instance.name} left with {code}: {last_words(instance)}")
    world.supervisor.instances.remove(instance)
    await instance.proxy.close()

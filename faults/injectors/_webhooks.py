"""Faults of a webhook's receiver: it refuses, is busy, slow, sends elsewhere, answers without end, dies."""

from __future__ import annotations

import asyncio
from random import Random

from faults.injectors._registry import Inject, live
from faults.receiver import MOODS
from faults.world import World

_PATHS = ("/0", "/1", "/2", "/partner")


def _mood(mood: str, said: str) -> None:
    async def in_mood(world: World, chance: Random) -> bool:
        path = chance.choice(_PATHS)
        if path in world.receiver.moods:
            return False
        world.receiver.moods[path] = mood
        await asyncio.sleep(chance.uniform(0.8, 2.5))
        world.receiver.moods.pop(path, None)
        return True

    inject: Inject = in_mood
    live(f"receiver {said}", 3)(inject)


_SAID = {
    "500": "answers 500",
    "429": "answers 429",
    "slow": "is slow",
    "redirect": "redirects",
    "endless": "answers without end",
    "dies": "dies",
}
for _each in MOODS:
    _mood(_each, _SAID[_each])

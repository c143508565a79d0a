"""A campaign: groups of faults under traffic; after each the system is healed, settles, and is verified."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from faults.client import Client
from faults.injectors import DAMAGES, LIVE, keep_older
from faults.plan import DAMAGE_NAMES, plan
from faults.scenery import set_up
from faults.traffic import Traffic
from faults.verdict import Verdict, look
from faults.world import World, world
from leadway.verify import Recorder

_AT_ONCE_MAX = 4
_TRIES_MAX = 25
_ROUNDS_MAX = 4
_ALWAYS_THERE = "kill -9 of a service"
_WARM_UP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """What one campaign is to be."""

    log: str
    seed: int
    faults: int
    folder: Path
    only: tuple[str, ...] = ()
    pace_seconds: float = 0.9
    settle_seconds: float = 30.0
    plant: str | None = None


@dataclass
class Result:
    """What became of it."""

    counts: Counter[str] = field(default_factory=Counter[str])
    violations: Counter[str] = field(default_factory=Counter[str])
    said: list[str] = field(default_factory=list[str])
    told: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    recoveries: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    looked_at: str = ""
    seconds: float = 0.0


@dataclass
class Campaign:
    """One run on one log."""

    options: Options
    result: Result = field(default_factory=Result)
    _world: World = field(init=False)
    _traffic: Traffic = field(init=False)
    _number: int = 0

    async def run(self) -> Result:
        """Run all of it."""
        options, begun = self.options, time.monotonic()
        planted = _planted(options)
        async with world(options.folder, kafka=options.log == "kafka", extra=planted) as self._world:
            with Recorder(self._world.record) as recorder:
                client = Client(self._world, recorder)
                scenery = await set_up(client)
                self._world.source = scenery.sources["native"]
                self._traffic = Traffic(client, scenery, options.seed)
                self._traffic.start()
                try:
                    await self._groups()
                finally:
                    await self._traffic.close()
                    self.result.told = client.told
                    self.result.recoveries = self._world.supervisor.recoveries
                    self.result.seconds = time.monotonic() - begun
        return self.result

    async def _groups(self) -> None:
        groups = plan(self.options.seed, self.options.faults, kafka=self.options.log == "kafka", only=self.options.only)
        await keep_older(self._world)
        for number, group in enumerate(groups, 1):
            begun = time.monotonic()
            self._traffic.going.set()
            await asyncio.sleep(_WARM_UP_SECONDS)
            await self._live([name for name in group if name not in DAMAGE_NAMES])
            verdict = await self._settle()
            for name in (name for name in group if name in DAMAGE_NAMES):
                verdict = verdict.and_(await self._damage(name))
            self._note(group, verdict)
            took = f"{len(group)} faults, {time.monotonic() - begun:.0f} s"
            progress(f"group {number} of {len(groups)}: {took}, {verdict}")
            if verdict.violations:
                break  # what comes after would be judged by what is broken already

    async def _live(self, names: list[str]) -> None:
        """Inject all of these; in place of one that found nothing to strike at, comes another kill of a service."""
        for _ in range(_ROUNDS_MAX):
            missed = await self._at_their_pace(names)
            if not missed:
                return
            names = [_ALWAYS_THERE] * missed

    async def _at_their_pace(self, names: list[str]) -> int:
        """Inject them side by side, as far as that is bounded; how many of them found nothing to strike at."""
        begun: list[asyncio.Task[bool]] = []
        for name in names:
            self._number += 1
            chance = Random(f"{self.options.seed}/fault/{self._number}")
            while len(running := [each for each in begun if not each.done()]) >= _AT_ONCE_MAX:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            begun.append(asyncio.create_task(self._one(name, chance)))
            await asyncio.sleep(chance.expovariate(1 / self.options.pace_seconds))
        return (await asyncio.gather(*begun)).count(False)

    async def _one(self, name: str, chance: Random) -> bool:
        for _ in range(_TRIES_MAX):
            try:
                done = await LIVE[name].inject(self._world, chance)
            except Exception as error:  # noqa: BLE001 a fault that breaks the campaign itself is said as what it is
                self._world.supervisor.unexpected.append(f"the fault {name!r} failed: {type(error).__name__}: {error}")
                return True
            if done:
                self.result.counts[name] += 1
                return True
            await asyncio.sleep(0.3)
        return False

    async def _settle(self) -> Verdict:
        """Heal, let the traffic end and everything calm down, then look."""
        late = await self._world.heal()
        await self._traffic.rest()
        if broken := self._traffic.failed():
            raise broken
        unexpected = self._world.supervisor.unexpected
        verdict = Verdict(violations=[*late, *unexpected])
        unexpected.clear()
        if late:
            return verdict
        await self._end_rests()
        return verdict.and_(await look(self._world, self.options.settle_seconds))

    async def _end_rests(self) -> None:
        """Let endpoints that failed be tried at once, as their owner would who has mended them."""
        for endpoint in self._traffic.scenery.endpoints:
            path = f"/delivery/v1/endpoints/{endpoint}"
            await self._traffic.client.command("endpoint", path, {"status": "active"}, role="admin", method="PATCH")

    async def _damage(self, name: str) -> Verdict:
        self._number += 1
        chance = Random(f"{self.options.seed}/fault/{self._number}")
        damage = next(each for each in DAMAGES if each.name == name)
        went_on = await damage.inflict(self._world, chance)
        late = await self._world.heal()
        self.result.counts[name] += 1
        if not late:
            await keep_older(self._world)
        return Verdict(violations=[*went_on, *late])

    def _note(self, group: list[str], verdict: Verdict) -> None:
        self.result.said += verdict.violations
        self.result.looked_at = verdict.looked_at or self.result.looked_at
        for name in set(group):
            self.result.violations[name] += len(verdict.violations)


def _planted(options: Options) -> dict[str, str]:
    """What the services' environment needs to have the bug in them."""
    if options.plant is None:
        return {}
    from faults.planted import apply  # noqa: PLC0415 most campaigns plant nothing

    return apply(options.plant, options.folder / "planted")


def progress(text: str) -> None:
    """Say how far it is."""
    print(f"  {text}", flush=True)

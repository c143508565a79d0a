"""That stopping comes to its end, also where something does not end as it is told to."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets

import pytest

from leadway.hosting import Settings, deployment, services
from leadway.stage import Built, ServiceHost, StageRuntime
from leadway.stage.runtime import end


class Stubborn:
    """Work that does not end when it is told to, but for the last of several times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.told = 0
        self.began = asyncio.Event()

    async def work(self) -> None:
        self.began.set()
        while self.told < self.times:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.told += 1
        raise asyncio.CancelledError


async def test_what_loses_a_cancellation_is_told_again() -> None:
    stubborn = Stubborn(times=3)
    task = asyncio.create_task(stubborn.work())
    await stubborn.began.wait()
    await end([task], again_seconds=0.05)
    assert task.cancelled()
    assert stubborn.told == 3


async def test_what_does_not_end_at_all_holds_up_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    stubborn = Stubborn(times=1000)
    willing = asyncio.create_task(asyncio.sleep(3600))
    task = asyncio.create_task(stubborn.work(), name="the stubborn one")
    await stubborn.began.wait()
    await end([task, willing], again_seconds=0.05)
    assert willing.cancelled()
    assert not task.done()
    assert "the stubborn one" in capsys.readouterr().out
    stubborn.told = stubborn.times
    task.cancel()
    await asyncio.wait([task])


async def test_a_service_stops_whose_own_work_loses_a_cancellation(database: str) -> None:
    (scoring,) = services(["scoring"])
    stubborn = Stubborn(times=2)

    def build(host: ServiceHost, runtime: StageRuntime) -> Built:
        return dataclasses.replace(scoring.build(host, runtime), background=(stubborn.work,))

    settings = Settings(database_url=database, deployment_key=secrets.token_hex(32), partitions=2)
    async with asyncio.timeout(60):
        async with deployment(settings, [dataclasses.replace(scoring, build=build)]):
            await stubborn.began.wait()
    assert stubborn.told == 2

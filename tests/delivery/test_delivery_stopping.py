"""That delivery's worker ends when it is told to, whatever happens at the same moment."""

from __future__ import annotations

import asyncio
import random

import pytest

from leadway.clock import SystemClock
from leadway.delivery.app import SERVICE
from leadway.delivery.settings import read_settings
from leadway.delivery.worker import Worker
from leadway.testing.serving import eventually, serving

_SECONDS_MAX = 30.0


@pytest.mark.parametrize("turns", range(6))
async def test_a_worker_that_is_woken_while_it_is_stopped_ends(database: str, turns: int) -> None:
    async with serving(SERVICE, database) as served:
        runtime = served.deployment.running["delivery"].runtime
        worker = Worker(
            runtime=runtime,
            key=b"k" * 32,
            settings=read_settings({}),
            owner="worker_1",
            clock=SystemClock(),
            chance=random.random,
        )
        wake = worker._wake
        task = asyncio.create_task(worker.run())

        async def waits() -> bool:
            return bool(getattr(wake, "_waiters"))  # noqa: B009 an event does not say otherwise that it is waited for

        await eventually(waits, seconds_max=_SECONDS_MAX)
        wake.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done, "it worked on"
        assert task.cancelled()

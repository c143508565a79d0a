"""Fixtures of the kit's tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest_asyncio
from street import Street

from leadway.eventlog import open_log


@pytest_asyncio.fixture
async def street(database: str) -> AsyncGenerator[Street]:
    async with AsyncExitStack() as stack:
        log = open_log(database_url=database, partitions=4)
        await log.start()
        stack.push_async_callback(log.close)
        yield Street(database, log, stack)

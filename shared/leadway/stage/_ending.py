"""Ending tasks in bounded time: a cancellation may be lost on its way, or meet clean-up that never comes to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

_log = structlog.get_logger("leadway.stage")
_AGAIN_SECONDS = 3.0
_TRIES = 4


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_seconds: float = _AGAIN_SECONDS) -> None:
    """Cancel tasks until they have ended; after a few times go on without those that did not, and say which."""
    left = set(tasks)
    for _ in range(_TRIES):
        if not left:
            return
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=again_seconds)
        for task in done:
            if not task.cancelled():
                task.exception()  # it was said where it was met
    if left:
        _log.error("tasks_do_not_end", tasks=sorted(task.get_name() for task in left))

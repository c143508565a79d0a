"""A wake signal that costs one future while somebody waits and nothing otherwise."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung by many, waited for by one task of the same event loop.

    The waiter clears it BEFORE it looks for work: what comes while it looks rings again, and nothing is overslept.
    """

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def rung(self) -> bool:
        return self._rung

    def ring(self) -> None:
        self._rung = True
        self._release()

    def clear(self) -> None:
        self._rung = False

    async def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most `seconds`; True if it rang."""
        if self._rung or seconds <= 0:
            return self._rung
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        handle = loop.call_later(seconds, self._release)
        try:
            await self._waiter
        finally:
            handle.cancel()
            self._waiter = None
        return self._rung

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

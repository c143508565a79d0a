"""Whose turn it is where the services of one process share a core: what a lead waits for goes first.

Without it every service wakes for every fact, and seven transactions of two facts each cost more than the core has;
those that only keep up (clocks, reports) then delay the ones that a partner waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator


class Turns:
    """Shared by the stages of a process. Nobody waits for long: a stage behind the others has its share in the end."""

    def __init__(self, *, quiet_seconds: float = 0.004, wait_seconds: float = 0.25, share: float = 0.25) -> None:
        """`quiet_seconds`: how long nothing must have been ahead before a stage behind goes on; `wait_seconds`: how
        long it waits for that at most; `share`: which part of the time it then may take at most, of 1.
        """
        self.quiet_seconds = quiet_seconds
        self.wait_seconds = wait_seconds
        self.rest = 1 / share - 1
        self.under_way = 0
        self.last_ahead = 0.0
        self.one = asyncio.Lock()
        """Held while a stage behind the others decides a batch: one such batch at a time in a process."""
        self._waiting: set[asyncio.Event] = set()

    @contextlib.contextmanager
    def ahead(self) -> Generator[None]:
        """Work that a lead, or a caller, waits for."""
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1
            self.last_ahead = time.monotonic()
            if not self.under_way:
                for event in self._waiting:
                    event.set()

    @contextlib.contextmanager
    def woken(self, event: asyncio.Event) -> Generator[None]:
        """Set `event` whenever nothing is ahead any more."""
        self._waiting.add(event)
        try:
            yield
        finally:
            self._waiting.discard(event)


class Behind:
    """The turns of one stage that keeps behind the others."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._woken = asyncio.Event()
        self._hurried = False

    def hurry(self) -> None:
        """Somebody waits for this stage: the turn that it waits for, or else its next one, begins at once."""
        self._hurried = True
        self._woken.set()

    async def wait(self, pause_seconds: float = 0.0, took_seconds: float = 0.0) -> None:
        """Return after `pause_seconds`, once nothing is ahead, or after a bounded while. `took_seconds`: what the last
        batch took, which says how long this stage then leaves the core to the others at most.
        """
        now = time.monotonic()
        not_before = now + pause_seconds
        rest = min(took_seconds * self._turns.rest, _REST_SECONDS_MAX)
        deadline = not_before + max(self._turns.wait_seconds, rest)
        with self._turns.woken(self._woken):
            while not self._hurried and now < deadline:
                quiet_at = max(self._turns.last_ahead + self._turns.quiet_seconds, not_before)
                if not self._turns.under_way and now >= quiet_at:
                    break
                until = max(deadline if self._turns.under_way else min(quiet_at, deadline), not_before)
                self._woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(until - now):
                        await self._woken.wait()
                now = time.monotonic()
        self._hurried = False


_REST_SECONDS_MAX = 2.0

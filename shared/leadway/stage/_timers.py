"""Timers: due ones are read without locks, then decided like any command; the lead's state has the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.stage import _sql
from leadway.stage._declare import Timer
from leadway.stage._inputs import Batch, Input, Outcome, TimerInput
from leadway.stage._refusals import OutcomeUnknown
from leadway.stage._transaction import Transactions
from leadway.stage._trouble import PASSING, Surroundings

_log = structlog.get_logger("leadway.stage")


@dataclass(slots=True)
class Timers:
    """Fires one instance's due timers, set-based."""

    engine: AsyncEngine
    transactions: Transactions
    committed: Callable[[Outcome], None]
    batch_max: int = 500
    sleep_seconds_max: float = 2.0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _sleeping_until: float = 0.0

    def nudge(self, due_at: datetime | None) -> None:
        """A timer was set: wake up for it if it is due before the next look."""
        if due_at is not None and due_at.timestamp() < self._sleeping_until:
            self._wake.set()

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            try:
                fired = await self._fire()
                if fired < self.batch_max:
                    await self._sleep()
            except (Surroundings, OutcomeUnknown, *PASSING) as error:
                _log.warning("timers_back_off", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _fire(self) -> int:
        async with self.engine.connect() as connection:
            rows = (await connection.execute(_sql.DUE_TIMERS, {"limit": self.batch_max})).all()
        if rows:
            inputs: list[Input] = [TimerInput(row.subject, Timer(row.name, row.due_at)) for row in rows]
            outcome = await self.transactions.run(Batch(inputs))
            self.committed(outcome)
            if not outcome.facts:  # another instance was faster, or a state keeps naming a timer that it then ignores
                await asyncio.sleep(0.25)
        return len(rows)

    async def _sleep(self) -> None:
        self._sleeping_until = float("inf")  # until it is known when to wake, any new timer is a reason to
        self._wake.clear()
        async with self.engine.connect() as connection:
            seconds = (await connection.execute(_sql.NEXT_TIMER)).scalar_one_or_none()
        pause = self.sleep_seconds_max if seconds is None else min(max(seconds, 0.0), self.sleep_seconds_max)
        self._sleeping_until = datetime.now(UTC).timestamp() + pause
        try:
            async with asyncio.timeout(pause + 0.001):
                await self._wake.wait()
        except TimeoutError:
            return

"""Timers: due ones are read without locks, then decided like any command; the lead's state has the last word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.stage import _sql
from leadway.stage._declare import Timer
from leadway.stage._inputs import Batch, Input, Outcome, TimerInput
from leadway.stage._refusals import OutcomeUnknown
from leadway.stage._transaction import Transactions
from leadway.stage._trouble import PASSING, Surroundings

_log = structlog.get_logger("leadway.stage")
_REST_SECONDS = 0.25
_REST_SECONDS_MAX = 60.0
_RESTING_MAX = 20_000
_TELL_AFTER = 3  # another instance was faster: that explains one time in vain, not several


class Due(NamedTuple):
    """A timer of a lead."""

    subject: str
    name: str
    due_at: datetime


@dataclass(slots=True)
class Resting:
    """Timers that were due and of which nothing came: a state keeps naming them and ignores them, or names them no
    more. They rest longer each time, so that they neither keep the service busy nor stand before the others.
    """

    _until: dict[Due, tuple[float, int]] = field(default_factory=dict[Due, tuple[float, int]])
    """Until when, and how often it was tried in vain."""

    def columns(self) -> dict[str, list[Any]]:
        """Those that rest now, as parameters of a statement."""
        now = time.monotonic()
        dues = [due for due, (until, _) in self._until.items() if until > now]
        subjects, names, instants = zip(*dues, strict=True) if dues else ((), (), ())
        return {"subjects": list(subjects), "names": list(names), "dues": list(instants)}

    def seconds_left(self, most: float) -> float:
        """Until the first of them may be tried again, `most` at most."""
        now = time.monotonic()
        return min((until - now for until, _ in self._until.values() if now < until < now + most), default=most)

    def learn(self, tried: Iterable[Due], moved: frozenset[str]) -> None:
        """Of these timers, those of leads that did not move were tried in vain."""
        now = time.monotonic()
        for due in tried:
            if due.subject in moved:
                self._until.pop(due, None)
                continue
            times = self._until.pop(due, (0.0, 0))[1] + 1
            self._until[due] = (now + min(_REST_SECONDS * 2 ** min(times - 1, 10), _REST_SECONDS_MAX), times)
            if times == _TELL_AFTER:
                _log.warning("timer_ignored", subject=due.subject, timer=due.name)
        long_over = [due for due, (until, _) in self._until.items() if until < now - _REST_SECONDS_MAX]
        crowd = list(self._until)[: max(0, len(self._until) - _RESTING_MAX)]
        for due in {*long_over, *crowd}:
            del self._until[due]


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
    _resting: Resting = field(default_factory=Resting)

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
            resting = self._resting.columns()
            rows = (await connection.execute(_sql.DUE_TIMERS, {"limit": self.batch_max, **resting})).all()
        if rows:
            dues = [Due(*row) for row in rows]
            inputs: list[Input] = [TimerInput(due.subject, Timer(due.name, due.due_at)) for due in dues]
            outcome = await self.transactions.run(Batch(inputs))
            self.committed(outcome)
            moved = frozenset(fact.subject for fact in outcome.facts)
            self._resting.learn(dues, moved)
        return len(rows)

    async def _sleep(self) -> None:
        self._sleeping_until = float("inf")  # until it is known when to wake, any new timer is a reason to
        self._wake.clear()
        async with self.engine.connect() as connection:
            seconds = (await connection.execute(_sql.NEXT_TIMER, self._resting.columns())).scalar_one_or_none()
        pause = self.sleep_seconds_max if seconds is None else min(max(seconds, 0.0), self.sleep_seconds_max)
        pause = self._resting.seconds_left(pause)
        self._sleeping_until = datetime.now(UTC).timestamp() + pause
        try:
            async with asyncio.timeout(pause + 0.001):
                await self._wake.wait()
        except TimeoutError:
            return

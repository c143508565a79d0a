"""The gate: concurrent requests gathered into one transaction, as a consumed batch is.

No timer lingers where somebody waits: the next batch gathers while the last one commits. Where a crowd has gathered by
then, it is decided meanwhile, in a second lane. The queue is bounded; past the bound a caller is told to come back.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from leadway.decider import Refusal
from leadway.ids import draw
from leadway.stage._asking import Answer, IdempotencyKey, Request
from leadway.stage._ending import end
from leadway.stage._inputs import Batch, Input, Outcome, RequestInput, settle
from leadway.stage._refusals import Lagging, OutcomeUnknown, Overloaded, Stopped, Unavailable
from leadway.stage._transaction import Transactions
from leadway.stage._trouble import Surroundings
from leadway.stage._turns import Turns

_log = structlog.get_logger("leadway.stage")


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Bounds of one gate."""

    queue_max: int = 4096
    batch_max: int = 256
    lanes_max: int = 2
    crowd_min: int = 48
    database_wait_seconds: float = 5.0
    catch_up_seconds: float = 2.0
    gather_seconds: float = 0.02


@dataclass(slots=True)
class Gate:
    """Gathers one instance's requests."""

    transactions: Transactions
    committed: Callable[[Outcome], None]
    caught_up: Callable[[str, float], Awaitable[bool]]
    limits: GateLimits = field(default_factory=GateLimits)
    turns: Turns = field(default_factory=Turns)
    _queue: deque[RequestInput] = field(default_factory=deque[RequestInput])
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _gathering: asyncio.TimerHandle | None = None
    _closed: bool = False

    async def execute(self, request: Request) -> Answer:
        """Decide one request durably. See StageRuntime.execute."""
        if request.informed:
            await self.catch_up(request.subject)
        try:
            answer = await self._enqueue(request, final=request.informed)
        except Refusal as refusal:
            if not refusal.foreign or request.informed:
                raise
            await self.catch_up(request.subject)
            answer = await self._enqueue(request, final=True)
        return request.secrets(answer) if request.secrets else answer

    async def catch_up(self, subject: str) -> None:
        """Wait until all that the log now says of a lead was read. Raises Lagging."""
        if not await self.caught_up(subject, self.limits.catch_up_seconds):
            raise Lagging(f"what is known of {subject} may be behind")

    async def _enqueue(self, request: Request, *, final: bool) -> Answer:
        if self._closed:
            raise Overloaded("the service is stopping")
        if len(self._queue) >= self.limits.queue_max:
            raise Overloaded(f"{len(self._queue)} requests are waiting")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append(RequestInput(request, future, final, attempt_id(request.idempotency)))
        if not request.patient:
            self._changed.set()
        elif self._gathering is None:
            self._gathering = future.get_loop().call_later(self.limits.gather_seconds, self._gathered)
        return await future

    def _gathered(self) -> None:
        self._gathering = None
        self._changed.set()

    async def run(self) -> None:
        """Work until closed (what was begun is then finished) or cancelled."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while not self._closed or under_way:
                await self._changed.wait()
                self._changed.clear()
                for ended in [task for task in under_way if task.done()]:
                    under_way.remove(ended)
                    ended.result()
                while self._queue and self._may_begin(len(under_way)):
                    task = asyncio.create_task(self._batch(self._take()))
                    task.add_done_callback(lambda _: self._changed.set())
                    under_way.add(task)
        finally:
            await end(under_way)

    def _may_begin(self, under_way: int) -> bool:
        """Whether a batch is to begin: one always, a further one only for a crowd. Small ones would cost more than the
        wait for the one before.
        """
        return under_way == 0 or (under_way < self.limits.lanes_max and len(self._queue) >= self.limits.crowd_min)

    def _take(self) -> list[RequestInput]:
        """The next requests, but no two under one Idempotency-Key: the second waits for the first one's answer."""
        taken: list[RequestInput] = []
        later: list[RequestInput] = []
        keys: set[IdempotencyKey] = set()
        while self._queue and len(taken) < self.limits.batch_max:
            item = self._queue.popleft()
            if item.future.done():
                continue
            key = item.request.idempotency
            if key is None or key not in keys:
                taken.append(item)
                if key is not None:
                    keys.add(key)
            else:
                later.append(item)
        self._queue.extendleft(reversed(later))
        return taken

    async def _batch(self, items: list[RequestInput]) -> None:
        deadline = time.monotonic() + self.limits.database_wait_seconds
        backoff = 0.02
        inputs: list[Input] = list(items)
        while True:
            try:
                with self.turns.ahead():
                    outcome = await self.transactions.run(Batch(inputs))
            except Surroundings as error:
                if self._closed or time.monotonic() + backoff > deadline:
                    self._refuse(items, Unavailable(f"The database does not answer ({error})."))
                    return
                await self._wait(backoff, items)
                backoff = min(backoff * 2, 0.5)
            except OutcomeUnknown as error:
                self._refuse(items, error)
                return
            except Stopped as error:
                self._refuse(items, error)
                raise
            except asyncio.CancelledError:
                self._refuse(items, OutcomeUnknown("the service stopped while it worked at the request"))
                raise
            except Exception as error:  # noqa: BLE001 every caller of the batch is to hear of it
                _log.exception("gate_failed")
                self._refuse(items, error)
                return
            else:
                for future, answer in outcome.answers:
                    settle(future, answer)
                self.committed(outcome)
                return

    async def _wait(self, seconds: float, items: list[RequestInput]) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self._refuse(items, Overloaded("the service is stopping"))
            raise

    def _refuse(self, items: list[RequestInput], error: Exception) -> None:
        for item in items:
            settle(item.future, error)

    def close(self) -> None:
        """Take nothing more, and refuse what still waits."""
        self._closed = True
        self._changed.set()
        while self._queue:
            settle(self._queue.popleft().future, Overloaded("the service is stopping"))


def attempt_id(key: IdempotencyKey | None) -> str:
    """The input id of a request: from its Idempotency-Key if it has one, else drawn."""
    if key is None:
        return draw("req")
    said = f"{key.caller}\n{key.method}\n{key.path}\n{key.key}"
    return f"req_{hashlib.sha256(said.encode()).hexdigest()[:32]}"

"""The consumer: takes records off the log a batch at a time and hands them to transactions, positions as the fence."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import EventLog, LogError, LogLost, Partition, Record, Subscription
from leadway.facts import CATALOG_EVENTS, TOPICS
from leadway.facts.codec import every_version
from leadway.stage import _sql
from leadway.stage._catalogs import CatalogCache
from leadway.stage._declare import Catalogs, Stage
from leadway.stage._inputs import Advance, Batch, FactInput, Input, Outcome, Place
from leadway.stage._own import OwnCounters
from leadway.stage._reading import Reader, Reading
from leadway.stage._refusals import Fenced, OutcomeUnknown, Stopped
from leadway.stage._transaction import Transactions
from leadway.stage._trouble import PASSING, Surroundings, told
from leadway.stage._turns import Behind, Turns

_log = structlog.get_logger("leadway.stage")
_MINUTE_SECONDS = 60
_BACKOFF_SECONDS = 0.05
_GATHER_SECONDS = 0.05
_marks = msgspec.msgpack.Decoder(dict[str, int])


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """Bounds of one consumer."""

    records_max: int = 1500
    records_min: int = 50
    batch_ms_max: float = 60.0
    wait_seconds: float = 1.0
    lazy_save_seconds: float = 1.0
    catalog_wait_seconds: float = 2.0
    parked_per_minute_max: int = 100
    backoff_seconds_max: float = 1.0


@dataclass(slots=True)
class Held:
    """What is known of an assigned partition: as saved, as read since, and as far as what was read took effect."""

    saved: int
    position: int
    marks: dict[str, int]
    handled: int
    waiting_since: float | None = None


@dataclass(slots=True)
class Consumer:
    """Consumes for one instance of a service."""

    stage: Stage
    log: EventLog
    engine: AsyncEngine
    transactions: Transactions
    cache: CatalogCache
    committed: Callable[[Outcome], None]
    turns: Turns = field(default_factory=Turns)
    limits: ConsumerLimits = field(default_factory=ConsumerLimits)
    held: dict[Partition, Held] = field(default_factory=dict[Partition, Held])
    progressed: asyncio.Event = field(default_factory=asyncio.Event)
    _records: int = 200
    _parked_at: deque[float] = field(default_factory=lambda: deque[float](maxlen=10_000))
    _saved_at: float = 0.0
    _begun_at: float = 0.0
    _took: float = 0.0
    _subscription: Subscription | None = None
    _waking_by: tuple[Catalogs | None, frozenset[str]] = (None, frozenset())

    reader: Reader = field(init=False)
    own: OwnCounters = field(init=False)
    _turn: Behind = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.stage)
        self.own = OwnCounters(self.stage.service, self.engine)
        self._turn = Behind(self.turns)

    async def run(self) -> None:
        """Consume until cancelled. Raises Stopped where going on would lose or double facts."""
        subscription: Subscription | None = None
        backoff, astray = _BACKOFF_SECONDS, False
        try:
            while True:
                try:
                    if subscription is None:  # the log may be away at the start as well as later
                        subscription = self._subscription = await self._subscribe()
                    elif astray:
                        await self._reset(subscription)
                    astray = False
                    await self._step(subscription)
                    backoff = _BACKOFF_SECONDS
                except Fenced:
                    _log.info("fenced", service=self.stage.service)
                    astray = True
                except (Surroundings, OutcomeUnknown, LogError, *PASSING) as error:
                    _log.warning("consumer_backs_off", service=self.stage.service, error=_said(error))
                    astray = True
                    self._records = max(self.limits.records_min, self._records // 2)
                    await asyncio.sleep(backoff)
                    backoff = min(backoff * 2, self.limits.backoff_seconds_max)
                except LogLost as error:
                    raise Stopped(str(error)) from error
        finally:
            if subscription is not None:
                await subscription.close()

    async def _subscribe(self) -> Subscription:
        return await self.log.subscribe(
            self.stage.service,
            TOPICS,
            types=self.reader.types,
            positions=self._positions,
            waking=self._waking if self.stage.waking else None,
            gather_seconds=self.stage.gather_seconds,
        )

    def _waking(self) -> frozenset[str]:
        held = self.cache.held
        if self.stage.waking is not None and held is not self._waking_by[0]:
            self._waking_by = held, every_version([kind.wire for kind in self.stage.waking(held)])
        return self._waking_by[1]

    def _is_behind(self) -> bool:
        """Whether nobody waits for this stage: it only keeps up, or nothing of what it reads is to be done at once."""
        return bool(self.stage.gather_seconds) or (self.stage.waking is not None and not self._waking())

    async def _positions(self, partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        """Where each partition is to be read on from, and its marks: from our own database, never from the log's."""
        wanted = sorted(partitions)
        columns = {"topics": [each.topic for each in wanted], "partitions": [each.number for each in wanted]}
        async with self.engine.begin() as connection:
            await connection.execute(_sql.ADD_POSITIONS, columns)
            rows = (await connection.execute(_sql.POSITIONS)).all()
        for row in rows:
            partition = Partition(row.topic, row.partition)
            if partition in partitions:
                marks = _marks.decode(row.marks) if row.marks else {}
                self.held[partition] = Held(row.position, row.position, marks, row.position)
        return {each: self.held[each].position for each in wanted}

    async def _reset(self, subscription: Subscription) -> None:
        """Forget what was read and not saved; read on from what the database says."""
        self.transactions.loader.forget()
        self.own.forget()
        self.held.clear()
        if assigned := subscription.assigned():
            await subscription.seek(await self._positions(assigned))

    async def _step(self, subscription: Subscription) -> None:
        await self._gather()
        records = await subscription.next(records_max=self._records, timeout_seconds=self.limits.wait_seconds)
        assigned = subscription.assigned()
        for gone in self.held.keys() - assigned:
            del self.held[gone]
        readings = self._read(subscription, {p: r for p, r in records.items() if p in self.held})
        await self.own.check(readings)
        await self._hold_back(subscription, readings)
        inputs: list[Input] = []
        for _, reading in sorted(readings.items(), key=lambda each: each[0].topic != CATALOG_EVENTS):
            inputs.extend(reading.inputs)
        idle = time.monotonic() - self._saved_at > self.limits.lazy_save_seconds
        if inputs or idle or any(reading.resends for reading in readings.values()):
            resends = [place for reading in readings.values() for place in reading.resends]
            await self._decide(inputs, resends if self.stage.keeps_resends else [])
        # Only now: a request that waits to have caught up must find what was read decided, not just read.
        for partition in readings.keys() & self.held.keys():
            self.held[partition].handled = self.held[partition].position
        if records:
            self._wake_waiters()

    async def _gather(self) -> None:
        """Off the path of a lead fewer, larger batches are worth a moment: under load there is always something to
        read, and a transaction costs the same for one fact as for ten.
        """
        if self._is_behind():
            pause = self._begun_at + (self.stage.gather_seconds or _GATHER_SECONDS) - time.monotonic()
            await self._turn.wait(pause, self._took)
            self._begun_at = time.monotonic()

    def hurry(self) -> None:
        """Somebody waits for what is on the log: gather no more."""
        self._turn.hurry()
        if self._subscription is not None:
            self._subscription.wake()

    def _read(
        self, subscription: Subscription, records: Mapping[Partition, Sequence[Record]]
    ) -> dict[Partition, Reading]:
        readings: dict[Partition, Reading] = {}
        for partition, run in records.items():
            held = self.held[partition]
            readings[partition] = reading = self.reader.read(run, held.marks)
            held.marks, held.position = reading.marks, subscription.next_offset(partition)
        return readings

    async def _hold_back(self, subscription: Subscription, readings: dict[Partition, Reading]) -> None:
        """Put lead records back for a moment where they rest on catalog versions that are not here yet."""
        if self.stage.awaits is None:
            return
        coming = {
            (item.envelope.data.wire, item.subject)
            for reading in readings.values()
            for item in reading.inputs
            if item.envelope is not None and item.place.topic == CATALOG_EVENTS
        }
        late = {p: r for p, r in readings.items() if any(self._rests_on_absent(i, coming) for i in r.inputs)}
        now = time.monotonic()
        for partition in late:
            held = self.held[partition]
            held.waiting_since = held.waiting_since or now
            if now - held.waiting_since > self.limits.catalog_wait_seconds:
                continue
            saved = await self._positions(frozenset([partition]))
            self.held[partition].waiting_since = held.waiting_since
            await subscription.seek(saved)
            del readings[partition]
        if late:
            async with self.engine.connect() as connection:
                await self.cache.refresh(connection)
            await asyncio.sleep(0.02)
        for partition in readings.keys() - late.keys():
            self.held[partition].waiting_since = None

    def _rests_on_absent(self, item: FactInput, coming: set[tuple[str, str | None]]) -> bool:
        if item.envelope is None or self.stage.awaits is None:
            return False
        for kind, entity_id, version in self.stage.awaits(item.envelope):
            entry = self.cache.held.get(kind, entity_id)
            if (entry is None or entry.version < version) and (kind.wire, entity_id) not in coming:
                return True
        return False

    async def _decide(self, inputs: list[Input], resends: list[Place]) -> None:
        moved = {p: h for p, h in self.held.items() if h.position != h.saved}
        self._saved_at = time.monotonic()
        if not moved and not inputs:
            return
        advances = tuple(Advance(p, h.saved, h.position, h.marks) for p, h in moved.items())
        started = time.monotonic()
        outcome = await self._in_turn(Batch(inputs, advances, resends))
        self._took = time.monotonic() - started
        for held in moved.values():
            held.saved = held.position
        self.committed(outcome)
        self._pace(len(inputs), self._took * 1000)
        self._count_parked(outcome)

    async def _in_turn(self, batch: Batch) -> Outcome:
        if not self._is_behind():
            with self.turns.ahead():
                return await self.transactions.run(batch)
        async with self.turns.one:
            return await self.transactions.run(batch)

    def _pace(self, count: int, elapsed_ms: float) -> None:
        """Keep batches short enough that requests need not wait long for lead locks."""
        if elapsed_ms > self.limits.batch_ms_max:
            self._records = max(self.limits.records_min, self._records // 2)
        elif count > self._records // 2 and elapsed_ms < self.limits.batch_ms_max / 2:
            self._records = min(self.limits.records_max, self._records * 2)

    def _count_parked(self, outcome: Outcome) -> None:
        now = time.monotonic()
        self._parked_at.extend([now] * outcome.parked)
        while self._parked_at and now - self._parked_at[0] > _MINUTE_SECONDS:
            self._parked_at.popleft()
        if len(self._parked_at) > self.limits.parked_per_minute_max:
            raise Stopped(
                f"more than {self.limits.parked_per_minute_max} facts were parked within a minute: this looks like a "
                "release that cannot read the log. Look at `leadway parked list`; mend it and start again."
            )

    def _wake_waiters(self) -> None:
        self.progressed.set()
        self.progressed = asyncio.Event()


def _said(error: Exception) -> str:
    return told(error) if isinstance(error, PASSING) else str(error)

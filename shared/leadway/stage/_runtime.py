"""A running stage: its loops, and what its service's api may ask of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import EventLog, LogError, Partition, partition_of
from leadway.facts import LEAD_EVENTS
from leadway.stage import _sql
from leadway.stage._asking import Answer, Request
from leadway.stage._catalogs import CatalogCache, Snapshot
from leadway.stage._consumer import Consumer, ConsumerLimits
from leadway.stage._declare import Stage
from leadway.stage._direct import alone
from leadway.stage._ending import end
from leadway.stage._enveloping import ENVELOPE_BYTES_MAX, FACT_BYTES_MAX
from leadway.stage._gate import Gate, GateLimits
from leadway.stage._inputs import Outcome
from leadway.stage._leases import Lease, count_instances, sweep_instances
from leadway.stage._refusals import OutcomeUnknown, Stopped
from leadway.stage._relay import Relay, RelayLimits
from leadway.stage._term import check_term
from leadway.stage._timers import Timers
from leadway.stage._transaction import Transactions
from leadway.stage._trouble import PASSING, is_lost, reaching_database, told
from leadway.stage._turns import Turns

_log = structlog.get_logger("leadway.stage")
_FINISH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class RuntimeLimits:
    """Bounds of a running stage."""

    gate: GateLimits = field(default_factory=GateLimits)
    consumer: ConsumerLimits = field(default_factory=ConsumerLimits)
    relay: RelayLimits = field(default_factory=RelayLimits)
    lease_seconds: float = 6.0
    idempotency_hours: int = 24


class Runtime:
    """One instance of one service's stage. `instance` names it among its equals, and its database connections."""

    def __init__(
        self,
        *,
        stage: Stage,
        engine: AsyncEngine,
        log: EventLog,
        instance: str,
        limits: RuntimeLimits | None = None,
        turns: Turns | None = None,
    ) -> None:
        """`turns`: shared by the stages of one process."""
        turns = turns or Turns()
        self.stage = stage
        self.engine = engine
        self.log = log
        self.instance = instance
        self.limits = limits or RuntimeLimits()
        self.stopped: str | None = None
        self._cache = CatalogCache()
        self._callbacks: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._lease = Lease(engine, "relay", instance, self.limits.lease_seconds)
        self.transactions = self._transactions()
        self.relay = Relay(stage.service, engine, log, self._lease, self.limits.relay, turns)
        self.gate = Gate(self.transactions, self._committed, self.caught_up, self.limits.gate, turns)
        self.timers = Timers(engine, self.transactions, self._committed)
        self.consumer = Consumer(
            stage=stage,
            log=log,
            engine=engine,
            transactions=self.transactions,
            cache=self._cache,
            committed=self._committed,
            turns=turns,
            limits=self.limits.consumer,
        )

    def _transactions(self) -> Transactions:
        return Transactions(
            self.engine,
            self.stage,
            partitions=self.log.partitions,
            cache=self._cache,
            fact_bytes_max=min(FACT_BYTES_MAX, self.log.batch_bytes_max - ENVELOPE_BYTES_MAX),
            check_server=self._check_server,
        )

    async def start(self) -> None:
        """Check that database and log belong together, then work. Raises Stopped where they do not."""
        await check_term(self.stage.service, self.engine, self.log)
        loops: list[Callable[[], Any]] = [self.gate.run, self.relay.run, self._heartbeat]
        if self.stage.foreign:
            loops.append(self.consumer.run)
        if self.stage.on_timer is not None:
            loops.append(self.timers.run)
        self._tasks = [
            asyncio.create_task(self._watched(loop), name=f"{self.stage.service}.{loop.__qualname__}") for loop in loops
        ]

    async def _check_server(self) -> None:
        await check_term(self.stage.service, self.engine, self.log)

    async def close(self) -> None:
        """Finish the requests that are being decided, refuse the others, stop every loop; give leases back."""
        self.gate.close()
        if self._tasks:  # the gate's is the first
            await asyncio.wait(self._tasks[:1], timeout=_FINISH_SECONDS)
        await end(self._tasks)
        with contextlib.suppress(*PASSING):  # which a TimeoutError is too: leases that are not given back run out
            async with asyncio.timeout(_FINISH_SECONDS):
                await self._lease.give_back()
                await Lease(self.engine, f"instance:{self.instance}", self.instance).give_back()

    async def execute(self, request: Request) -> Answer:
        """See leadway.stage.StageRuntime."""
        if self.stopped is not None:
            raise Stopped(self.stopped)
        return await self.gate.execute(request)

    async def query(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """See leadway.stage.StageRuntime."""
        async with reaching_database(), self.engine.connect() as connection:
            rows = (await connection.execute(text(sql), params)).mappings().all()
        return [dict(row) for row in rows]

    async def keep(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """See leadway.stage.StageRuntime."""
        async with reaching_database(), self.engine.connect() as connection:
            try:
                rows = await alone(connection, text(sql), params)
            except PASSING as error:
                if not is_lost(error):
                    raise
                raise OutcomeUnknown("the database did not say whether it was kept") from error
        return [dict(row) for row in rows]

    async def lead(self, subject: str) -> tuple[Any, Any]:
        """See leadway.stage.StageRuntime."""
        return (await self.leads([subject]))[subject]

    async def leads(self, subjects: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        """See leadway.stage.StageRuntime."""
        async with reaching_database(), self.engine.connect() as connection:
            asked = {"topic": LEAD_EVENTS, "subjects": list(subjects)}
            rows = {row.subject: row for row in (await connection.execute(_sql.READ_SUBJECTS, asked)).all()}
        decode = self.transactions.loader.decode
        found = ((subject, rows.get(subject)) for subject in subjects)
        return {subject: decode(row.state, row.mirror) if row else decode(None, None) for subject, row in found}

    async def lead_once_known(self, subject: str, known: Callable[[Any, Any], bool]) -> tuple[Any, Any]:
        """See leadway.stage.StageRuntime."""
        found = await self.lead(subject)
        if known(*found):
            return found
        await self.gate.catch_up(subject)
        return await self.lead(subject)

    async def catalogs(self) -> Snapshot:
        """See leadway.stage.StageRuntime."""
        async with reaching_database(), self.engine.connect() as connection:
            return await self._cache.refresh(connection)

    @property
    def catalogs_held(self) -> Snapshot:
        """See leadway.stage.StageRuntime."""
        return self._cache.held

    def on_saved(self, callback: Callable[[], None]) -> None:
        """See leadway.stage.StageRuntime."""
        self._callbacks.append(callback)

    async def caught_up(self, subject: str, seconds: float) -> bool:
        """Wait until this service has read the subject's partition up to its head of now; False: not in time."""
        partition = Partition(LEAD_EVENTS, partition_of(subject.encode(), self.log.partitions))
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            head = (await self.log.heads())[partition]
            while (await self._position(partition)) < head:
                self.consumer.hurry()
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, 0.1)):
                        await self.consumer.progressed.wait()
        except (*PASSING, LogError):
            return False
        return True

    async def _position(self, partition: Partition) -> int:
        held = self.consumer.held.get(partition)
        if held is not None:
            return held.handled
        async with self.engine.connect() as connection:
            spot = {"topic": partition.topic, "partition": partition.number}
            return (await connection.execute(_sql.POSITION, spot)).scalar_one_or_none() or 0

    def _committed(self, outcome: Outcome) -> None:
        if outcome.facts:
            self.consumer.own.committed(outcome.facts)
            self.relay.offer(outcome.facts)
        self.timers.nudge(outcome.next_timer_at)
        if outcome.facts:
            for callback in self._callbacks:
                callback()

    async def _heartbeat(self) -> None:
        """Show that this instance lives; end the connections of those that no longer do; forget old answers."""
        lease = Lease(self.engine, f"instance:{self.instance}", self.instance, self.limits.lease_seconds)
        while True:
            try:
                await lease.held()
                self.relay.alone = await count_instances(self.engine) <= 1
                await sweep_instances(self.engine, over_seconds=self.limits.lease_seconds)
                async with self.engine.begin() as connection:
                    await connection.execute(_sql.EXPIRE_IDEMPOTENCY, {"hours": self.limits.idempotency_hours})
            except PASSING as error:
                _log.warning("heartbeat_missed", service=self.stage.service, error=type(error).__name__)
            await asyncio.sleep(self.limits.lease_seconds / 3)

    async def _watched(self, loop: Callable[[], Any]) -> None:
        """Run a loop; whatever ends it ends this service's work, loudly."""
        try:
            await loop()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 what it is must be said wherever the service is asked
            self.stopped = str(error) if isinstance(error, Stopped) else told(error)
            _log.critical("service_stopped", service=self.stage.service, why=self.stopped, exc_info=True)
            self.gate.close()
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()

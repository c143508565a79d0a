"""The relay: moves the outbox to the log, in order, one batch in flight for each partition.

One for each service, by a lease. What the engine has just committed is handed over in memory; whatever is missing there
is read from the outbox. Any failure drops what is pending and the producer, and sends again from the first unmarked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import EventLog, LogError, LogLost, NewRecord, Partition, Producer
from leadway.facts.codec import unpack_headers
from leadway.stage import _crash, _sql
from leadway.stage._direct import alone
from leadway.stage._inputs import Stamped
from leadway.stage._leases import Lease
from leadway.stage._refusals import Stopped
from leadway.stage._term import check_term
from leadway.stage._trouble import PASSING, told
from leadway.stage._turns import Turns

_log = structlog.get_logger("leadway.stage")


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """Bounds of one relay."""

    records_max: int = 1000
    handed_over_max: int = 20_000
    idle_check_seconds: float = 1.0
    shared_check_seconds: float = 0.05  # while other instances write to the same outbox
    mark_seconds: float = 0.1
    backoff_seconds_max: float = 1.0


class Overtaken(Exception):
    """Another instance marked further than this one sent: it had the lease meanwhile. A new term sees how to go on."""


@dataclass(slots=True)
class Relay:
    """One instance's relay; it works only while it holds the lease."""

    service: str
    engine: AsyncEngine
    log: EventLog
    lease: Lease
    limits: RelayLimits = field(default_factory=RelayLimits)
    turns: Turns = field(default_factory=Turns)
    sent: dict[Partition, int] = field(default_factory=dict[Partition, int])
    alone: bool = True
    _handed: dict[Partition, dict[int, Stamped]] = field(default_factory=dict[Partition, dict[int, Stamped]])
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _unmarked: dict[Partition, tuple[Stamped, int]] = field(default_factory=dict[Partition, "tuple[Stamped, int]"])
    _marked_at: float = 0.0
    _looked_at: float = 0.0

    def offer(self, facts: Sequence[Stamped]) -> None:
        """Take over what was just committed, so that it need not be read again."""
        held = sum(map(len, self._handed.values()))
        if held + len(facts) > self.limits.handed_over_max:
            self._handed.clear()
        else:
            for fact in facts:
                if fact.sequence > self.sent.get(fact.partition, 0):  # else the outbox was quicker
                    self._handed.setdefault(fact.partition, {})[fact.sequence] = fact
        self._wake.set()

    async def run(self) -> None:
        """Relay until cancelled. Raises Stopped where log and database do not belong together."""
        backoff = 0.05
        while True:
            try:
                if not await self.lease.held():
                    self._handed.clear()
                    await asyncio.sleep(self.lease.seconds / 4)
                    continue
                await self._term()
            except (LogError, Overtaken, *PASSING) as error:
                said = told(error) if isinstance(error, PASSING) else f"{type(error).__name__}: {error}"
                _log.warning("relay_backs_off", service=self.service, error=said[:200])
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, self.limits.backoff_seconds_max)
            except LogLost as error:
                raise Stopped(str(error)) from error
            else:
                backoff = 0.05

    async def _term(self) -> None:
        """One term: from taking the lease, or after any failure, until the next."""
        self._handed.clear()
        self._unmarked.clear()
        self.sent = await check_term(self.service, self.engine, self.log)
        producer = await self.log.producer(self.service)
        look = True  # in the outbox: at a term's start, and whenever what was handed over has a gap
        try:
            while await self.lease.held():
                self._wake.clear()
                batches = self._from_memory()
                # However busy the own partitions are: what other instances wrote must not wait for a pause.
                if (look and not batches) or self._look_due_in() <= 0:
                    batches = {**await self._from_outbox(), **batches}
                    look = bool(batches)
                if batches:
                    await self._send(producer, batches)
                    if self._mark_due_in() <= 0:
                        await self._mark()
                    continue
                try:
                    async with asyncio.timeout(self._pause()):  # wait_for loses a cancellation that comes with the wake
                        await self._wake.wait()
                    look = self._has_gap()
                except TimeoutError:
                    await self._mark()
                    look = True
        finally:
            await asyncio.shield(self._end(producer))

    def _pause(self) -> float:
        pause = max(self._look_due_in(), 0.0)
        return min(pause, max(self._mark_due_in(), 0.0)) if self._unmarked else pause

    def _look_due_in(self) -> float:
        every = self.limits.idle_check_seconds if self.alone else self.limits.shared_check_seconds
        return self._looked_at + every - asyncio.get_running_loop().time()

    def _mark_due_in(self) -> float:
        return self._marked_at + self.limits.mark_seconds - asyncio.get_running_loop().time()

    async def _end(self, producer: Producer) -> None:
        with contextlib.suppress(*PASSING):  # it is then sent again, and dropped by all who have it
            await self._mark()
        await producer.close()

    def _has_gap(self) -> bool:
        return not any(self.sent.get(p, 0) + 1 in held for p, held in self._handed.items())

    def _from_memory(self) -> dict[Partition, list[Stamped]]:
        batches: dict[Partition, list[Stamped]] = {}
        for partition, held in self._handed.items():
            sequence = self.sent.get(partition, 0) + 1
            size = 0
            while sequence in held and len(batches.get(partition, ())) < self.limits.records_max:
                stamped = held[sequence]
                size += stamped.record.size_bytes
                if size > self.log.batch_bytes_max and partition in batches:
                    break
                batches.setdefault(partition, []).append(stamped)
                sequence += 1
        return batches

    async def _from_outbox(self) -> dict[Partition, list[Stamped]]:
        batches: dict[Partition, list[Stamped]] = {}
        self._looked_at = asyncio.get_running_loop().time()
        async with self.engine.connect() as connection:
            heads = (await connection.execute(_sql.OUTBOX_HEADS)).all()
            for head in heads:
                partition = Partition(head.topic, head.partition)
                after = self.sent.get(partition, 0)
                if head.sequence <= after:
                    continue
                spot = {"topic": head.topic, "partition": head.partition, "sequence": after}
                rows = (await connection.execute(_sql.OUTBOX, spot | {"limit": self.limits.records_max})).all()
                if rows and rows[0].sequence > after + 1:
                    raise Overtaken(f"{partition}: the outbox goes on at {rows[0].sequence}, {after} was sent last")
                if batch := self._contiguous(partition, rows, after):
                    batches[partition] = batch
        return batches

    def _contiguous(self, partition: Partition, rows: Sequence[Row[Any]], after: int) -> list[Stamped]:
        batch: list[Stamped] = []
        size = 0
        for row in rows:
            headers = unpack_headers(row.headers, row.sequence)
            record = NewRecord(row.key.encode(), row.value, headers)
            size += record.size_bytes
            if row.sequence != after + 1 or (size > self.log.batch_bytes_max and batch):
                break
            batch.append(Stamped(partition, row.sequence, headers["ce_id"].decode(), row.key, record))
            after += 1
        return batch

    async def _send(self, producer: Producer, batches: Mapping[Partition, list[Stamped]]) -> None:
        _crash.point("relay.before_sending")
        with self.turns.ahead():  # somebody waits for these facts, often to decide the next step of the same lead
            offsets = await producer.append_many({p: [each.record for each in b] for p, b in batches.items()})
        _crash.point("relay.between_sending_and_marking")
        for partition, batch in batches.items():
            held = self._handed.get(partition)
            if held:
                for each in batch:
                    held.pop(each.sequence, None)
            self.sent[partition] = batch[-1].sequence
            self._unmarked[partition] = batch[-1], offsets[partition] + len(batch) - 1

    async def _mark(self) -> None:
        """Mark what was sent. Not at each sending, for that commit would cost as much as the sending: after a crash
        what was sent and not marked is sent again, and consumers drop it.
        """
        self._marked_at = asyncio.get_running_loop().time()
        if not self._unmarked:
            return
        order = sorted(self._unmarked.items())
        marks = {
            "topics": [partition.topic for partition, _ in order],
            "partitions": [partition.number for partition, _ in order],
            "sequences": [last.sequence for _, (last, _) in order],
            "offsets": [offset for _, (_, offset) in order],
            "ids": [last.id for _, (last, _) in order],
        }
        async with self.engine.connect() as connection:
            await alone(connection, _sql.SAVE_SENT, marks)
        self._unmarked.clear()

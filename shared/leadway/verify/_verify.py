"""The whole examination of a deployment, running or not."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leadway.clock import SystemClock
from leadway.eventlog import EventLog, Partition, Record
from leadway.facts import CATALOG_EVENTS, Envelope, Undecodable, Unreadable, fact_types
from leadway.facts.codec import decode
from leadway.stage import Service
from leadway.verify._acknowledged import Acknowledged
from leadway.verify._credit import Credit, Credited
from leadway.verify._deadlines import Deadlines
from leadway.verify._deliveries import Deliveries
from leadway.verify._drained import judge_drained, settle
from leadway.verify._endings import Endings
from leadway.verify._order import Order
from leadway.verify._owners import Owners
from leadway.verify._rebuilds import judge_rebuilds, rebuild_all
from leadway.verify._received import Received
from leadway.verify._record import Operation
from leadway.verify._seen import Seen
from leadway.verify._sequences import Sequences
from leadway.verify._tables import Tables, read_counters, read_tables
from leadway.verify._verdict import Judge, Verdict

_READ_MAX = 2000
Reports = Callable[[], Awaitable[Sequence[Credited] | None]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside log and databases: what clients were told, what receivers got; None: nothing.

    `received` is asked once everything has settled, before and after the tables are read: messages still arrive.
    `complete`: nobody but the record's client sent leads to the sources that it sent to.
    """

    operations: Sequence[Operation] | None = None
    received: Callable[[], Sequence[Received]] | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """All verdicts, in the order of the invariants."""

    verdicts: Sequence[Verdict]
    facts: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether all is well."""
        return all(each.holds for each in self.verdicts)


async def verify(
    database_url: str,
    log: EventLog,
    services: Iterable[Service],
    *,
    evidence: Evidence = Evidence(),
    reports: Reports | None = None,
    settle_seconds: float = 30.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Verified:
    """Judge every invariant. Raises what the database and the log raise where they cannot be read."""
    started = time.monotonic()
    chosen = list(services)
    names = [service.name for service in chosen]
    settled = await settle(database_url, log, chosen, seconds_max=settle_seconds, progress=progress)
    before = evidence.received() if evidence.received else None
    # Tables before the log: what they say is on it, or in their outbox. Then the counters again, which were before it.
    tables = await read_tables(database_url, names)
    asked = await reports() if reports is not None else None
    judges = _judges(tables, evidence, before, asked, settled=settled.quiet)
    sequences = Sequences({fact.source for fact in fact_types()}, tables.kept.values())
    facts = await _Reading(log, sequences, judges, tables, progress).read()
    sequences.later_counters(await read_counters(database_url, names))
    rebuilt = await rebuild_all(database_url, log, chosen, progress)
    verdicts = [judge.verdict() for judge in judges]
    verdicts += [sequences.verdict(), judge_rebuilds(rebuilt), judge_drained(settled, settle_seconds)]
    verdicts.sort(key=lambda each: int(each.invariant[1:]))
    return Verified(verdicts, facts, time.monotonic() - started)


def _judges(
    tables: Tables,
    evidence: Evidence,
    before: Sequence[Received] | None,
    reports: Sequence[Credited] | None,
    *,
    settled: bool,
) -> list[Judge]:
    operations = evidence.operations or ()
    received = evidence.received() if evidence.received else None
    return [
        Acknowledged(operations, complete=evidence.complete),
        Owners(operations),
        Endings(settled=settled, parked=tables.parked),
        Deadlines(operations, now=SystemClock().now),
        Credit(tables.books, reports),
        Deliveries(tables.desk, received, before),
        Order(received or ()),
    ]


@dataclass(slots=True)
class _Reading:
    """One pass over the log, partition by partition; a batch and a partition's folds in memory at a time."""

    log: EventLog
    sequences: Sequences
    judges: Sequence[Judge]
    tables: Tables
    progress: Callable[[str], None]
    facts: int = 0

    async def read(self) -> int:
        """Hand every fact that counts to the judges; how many there were."""
        heads, floors = await self.log.heads(), await self.log.floors()
        waiting = _waiting(self.tables)
        # Catalogs first: what is said of leads refers to them.
        for partition in sorted(heads, key=lambda one: (one.topic != CATALOG_EVENTS, one)):
            self.sequences.partition_begins(partition, heads[partition])
            async for records in self.log.read(partition, floors[partition], heads[partition], batch=_READ_MAX):
                for record in records:
                    self._take(partition, record)
                self.progress(f"reading the log: {self.facts:,} facts")
            place = heads[partition]
            for sequence, envelope in waiting.get(partition, ()):
                if self.sequences.fact(partition, envelope.source, sequence):
                    self._hand(Seen(envelope, partition, place))
                    place += 1
            self.sequences.partition_ends(partition)
            for judge in self.judges:
                judge.partition_ends()
        return self.facts

    def _take(self, partition: Partition, record: Record) -> None:
        if not self.sequences.record(partition, record):
            return
        try:
            envelope = decode(record.headers, record.value or b"")
        except (Undecodable, Unreadable):
            return  # its number counts; what it says nobody can know
        self._hand(Seen(envelope, partition, record.offset))

    def _hand(self, seen: Seen) -> None:
        self.facts += 1
        for judge in self.judges:
            judge.take(seen)


def _waiting(tables: Tables) -> Mapping[Partition, list[tuple[int, Envelope]]]:
    found: dict[Partition, list[tuple[int, Envelope]]] = {}
    for kept in tables.kept.values():
        for partition, sequence, envelope in kept.outbox:
            found.setdefault(partition, []).append((sequence, envelope))
    return found

"""I9: dense sequences for each source and partition: no gap, no double in effect; databases and log belong together."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadway.eventlog import Partition, Record
from leadway.verify._tables import Kept
from leadway.verify._verdict import Findings, Verdict


@dataclass(slots=True)
class _Run:
    """The facts of one source in one partition: for each the hash of its id, eight bytes, so that all can be held."""

    last: int = 0
    ids: array[int] = field(default_factory=lambda: array("q"))
    gap: bool = False


@dataclass(slots=True)
class _Checkpoint:
    """What a service's tables say of a place on the log."""

    offset: int
    service: str
    marks: Mapping[str, int]


class Sequences:
    """Judges I9, and tells which records count: the first of each number, in order."""

    def __init__(self, sources: Iterable[str], tables: Iterable[Kept] = ()) -> None:
        self._found = Findings("I9", "dense sequences: no gap, no double in effect; database and log belong together")
        self._sources = frozenset(sources)
        self._tables = {kept.service: kept for kept in tables}
        self._runs: dict[tuple[str, Partition], _Run] = defaultdict(_Run)
        self._ids: set[int] = set()
        self._checkpoints: list[_Checkpoint] = []
        self._sent: dict[int, tuple[str, int, str]] = {}
        self._found.looked_at |= {"records": 0, "resends": 0, "unreadable": 0, "databases": len(self._tables)}

    def partition_begins(self, partition: Partition, head: int) -> None:
        """Before its first record. `head`: where it ends."""
        self._ids = set()
        checkpoints: list[_Checkpoint] = []
        self._sent = {}
        for name, kept in self._tables.items():
            position = kept.positions.get(partition)
            if position is not None:
                checkpoints.append(_Checkpoint(position, name, kept.marks.get(partition, {})))
                if position > head:
                    where = f"{partition.topic}/{partition.number}"
                    self._found.violated(
                        f"{name} has read {where} up to {position}, the log ends at {head}: it lost records"
                    )
            sent = kept.sent.get(partition)
            if sent is not None and sent.sequence > 0:
                self._sent[sent.offset] = (name, sent.sequence, sent.id)
        self._checkpoints = sorted(checkpoints, key=lambda one: one.offset, reverse=True)

    def record(self, partition: Partition, record: Record) -> bool:
        """The next record of the partition; whether it counts."""
        while self._checkpoints and self._checkpoints[-1].offset <= record.offset:
            self._check(partition, self._checkpoints.pop())
        self._found.look("records")
        try:
            source = record.headers["ce_source"].decode()
            sequence = int(record.headers["ce_sequence"])
            fact_id = record.headers["ce_id"].decode()
        except (KeyError, ValueError):
            self._found.look("unreadable")
            return False
        sent = self._sent.pop(record.offset, None)
        if sent is not None and sent != (source, sequence, fact_id):
            self._sent[record.offset] = sent  # it is missed when the partition ends
        if source not in self._sources:
            self._found.look("unreadable")
            return False
        return self._numbered(partition, record.offset, source, sequence, fact_id)

    def fact(self, partition: Partition, source: str, sequence: int) -> bool:
        """A committed fact that waits to be sent; whether the log does not have it yet."""
        return sequence > self._runs[source, partition].last

    def partition_ends(self, partition: Partition) -> None:
        """After its last record."""
        while self._checkpoints:
            self._check(partition, self._checkpoints.pop())
        for offset, (name, sequence, fact_id) in self._sent.items():
            self._found.violated(
                f"{name} sent its fact {sequence} ({fact_id}) to {partition.topic}/{partition.number}/{offset}, and it "
                "is not there: the log lost records, or is another one"
            )
        for name, kept in self._tables.items():
            self._compare(name, kept, partition)

    def later_counters(self, counters: Mapping[str, Mapping[Partition, int]]) -> None:
        """The services' counters, read after the log: what is on the log was counted before."""
        for (source, partition), run in self._runs.items():
            if source in counters and run.last > counters[source].get(partition, 0):
                self._found.violated(
                    f"the log has fact {run.last} of {source} in {partition.topic}/{partition.number}, its database "
                    f"counts {counters[source].get(partition, 0)}: the database is older than the log"
                )

    def verdict(self) -> Verdict:
        """After the last partition."""
        return self._found.verdict()

    def _numbered(self, partition: Partition, offset: int, source: str, sequence: int, fact_id: str) -> bool:
        run = self._runs[source, partition]
        place = f"{partition.topic}/{partition.number}/{offset}"
        digest = hash(fact_id)
        if sequence <= run.last:
            self._found.look("resends")
            if sequence < 1 or run.ids[sequence - 1] != digest:
                self._found.violated(f"{source} has two facts numbered {sequence}: {fact_id} at {place} is the second")
            return False
        if sequence > run.last + 1:
            if not run.gap:
                self._found.violated(f"{source} goes from {run.last} to {sequence} at {place} ({fact_id}): a gap")
            run.gap = True
            return False
        run.last = sequence
        run.ids.append(digest)
        if digest in self._ids:
            self._found.violated(f"{source} said {fact_id} twice: as its fact {sequence} at {place}, and before")
        self._ids.add(digest)
        return True

    def _check(self, partition: Partition, at: _Checkpoint) -> None:
        """What a service says that it has heard must be what the log says up to there."""
        for source in self._sources:
            last, mark = self._runs[source, partition].last, at.marks.get(source, 0)
            if mark != last:
                self._found.violated(
                    f"{at.service} has heard {source} up to {mark} in {partition.topic}/{partition.number}, and up to "
                    f"its position {at.offset} the log goes to {last}"
                )

    def _compare(self, name: str, kept: Kept, partition: Partition) -> None:
        """What a service counted is on the log, or waits in its outbox."""
        last, counter = self._runs[name, partition].last, kept.counters.get(partition, 0)
        waiting = {sequence for where, sequence, _ in kept.outbox if where == partition}
        where = f"{partition.topic}/{partition.number}"
        above = sorted(number for number in waiting if number > counter)
        if above:
            self._found.violated(f"{name} has fact {above[0]} of {where} in its outbox and counts only {counter}")
        missing = [number for number in range(last + 1, counter + 1) if number not in waiting]
        if missing:
            self._found.violated(
                f"{name} counts {counter} facts of {where}; {len(missing)} of them, from {missing[0]} on, are neither "
                "on the log nor in its outbox"
            )

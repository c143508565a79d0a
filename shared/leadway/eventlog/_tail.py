"""The newest records of each partition, held in memory once for all readers of a process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from leadway.eventlog._port import Partition, Record

# What a record costs beside its bytes: the object, its header mapping, its places in lists, what readers made of it.
_OBJECT_BYTES = 3_500
# Batches that came before their predecessors; beyond this many the log itself is asked instead.
_WAITING_MAX = 16
_TYPE = "ce_type"


class Tail:
    """A contiguous run of offsets [first, end) for each partition, bounded in bytes over all of them.

    It is right by three rules: a record enters only after its append was acknowledged or by being read from the log; a
    run only ever grows by the offset `end`; and everything is forgotten when the connection to the log was lost
    (`epoch` tells an answer from before), because a log that came back older than it was gives offsets again.
    """

    def __init__(self, bytes_max: int) -> None:
        self.epoch = 0
        self._bytes_max = bytes_max
        self._bytes = 0
        self._runs: dict[Partition, _Run] = {}
        self._waiting: dict[Partition, dict[int, Sequence[Record]]] = {}

    def reset(self, heads: Mapping[Partition, int]) -> None:
        """Forget everything; each run begins, empty, at that partition's head."""
        self.epoch += 1
        self._bytes = 0
        self._waiting = {}
        self._runs = {partition: _Run(head) for partition, head in heads.items()}

    def skip(self, partition: Partition, head: int) -> None:
        """Begin one run anew at `head`: what lies between is too much to hold."""
        self._bytes -= self._runs[partition].cost
        self._runs[partition] = _Run(head)
        self._waiting.pop(partition, None)

    def ends(self) -> Mapping[Partition, int]:
        """For each partition the offset that its run lacks next."""
        return {partition: run.end for partition, run in self._runs.items()}

    def holds(self, partition: Partition, offset: int) -> bool:
        """Whether whatever comes at `offset` or after it is here or yet to come (else the log must be asked)."""
        run = self._runs.get(partition)
        return run is not None and run.first <= offset <= run.end

    def after(self, partition: Partition, offset: int, limit: int) -> Sequence[Record]:
        """Records from `offset`, which `holds` allowed, at most `limit`."""
        run = self._runs[partition]
        start = offset - run.first
        return run.records[start : start + limit]

    def offer(self, partition: Partition, records: Sequence[Record]) -> frozenset[bytes]:
        """Add a contiguous batch; the types of all records that became readable by it (empty: a batch before it is
        missing, or it was known already).
        """
        run = self._runs.get(partition)
        if run is None or not records:
            return frozenset()
        first = records[0].offset
        if first > run.end:
            waiting = self._waiting.setdefault(partition, {})
            if len(waiting) < _WAITING_MAX:
                waiting[first] = records
            return frozenset()
        types = set(self._extend(run, records))
        waiting = self._waiting.get(partition)
        while waiting and (first := min(waiting)) <= run.end:
            types.update(self._extend(run, waiting.pop(first)))
        if self._bytes > self._bytes_max:
            self._evict()
        return frozenset(types)

    def lacks(self, partition: Partition) -> bool:
        """Whether a batch waits for one before it."""
        return bool(self._waiting.get(partition))

    def _extend(self, run: _Run, records: Sequence[Record]) -> Iterable[bytes]:
        fresh = records[run.end - records[0].offset :]
        run.records.extend(fresh)
        run.end += len(fresh)
        cost = sum(map(_cost, fresh))
        run.cost += cost
        self._bytes += cost
        return {record.headers.get(_TYPE, b"") for record in fresh}

    def _evict(self) -> None:
        """Drop the older half of the largest runs until half of the room is free again."""
        while self._bytes > self._bytes_max // 2:
            run = max(self._runs.values(), key=lambda each: each.cost)
            drop = (len(run.records) + 1) // 2
            cost = sum(map(_cost, run.records[:drop]))
            del run.records[:drop]
            run.first += drop
            run.cost -= cost
            self._bytes -= cost


class _Run:
    __slots__ = ("cost", "end", "first", "records")

    def __init__(self, head: int) -> None:
        self.first = head
        self.end = head
        self.cost = 0
        self.records: list[Record] = []


def _cost(record: Record) -> int:
    return _OBJECT_BYTES + len(record.key) + len(record.value or b"")

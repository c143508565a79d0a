"""The log port: what a service may ask of the append-only log, whichever log it is.

Two adapters keep it: `_postgres.py` (the embedded default) and `_kafka.py`. One contract suite runs against both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

Headers = Mapping[str, bytes]

_RECORD_OVERHEAD_BYTES = 40
_HEADER_OVERHEAD_BYTES = 10


class Partition(msgspec.Struct, frozen=True, order=True):
    """One ordered sequence of records: `topic` and a `number` counted from 0."""

    topic: str
    number: int


class NewRecord(msgspec.Struct, frozen=True):
    """A record to append; `key` decides nothing here: the caller names the partition.

    Readers of this process may get its headers as they are, so they are not to be changed once it was appended. Three
    headers mean something to the log: `ce_type` (what wakes a reader), `ce_source` and `ce_sequence`.
    """

    key: bytes
    value: bytes
    headers: Headers = {}

    @property
    def size_bytes(self) -> int:
        """At most this many bytes on the log; a batch's records together must fit `EventLog.batch_bytes_max`."""
        headers = self.headers
        named = sum(map(len, headers)) + sum(map(len, headers.values()))
        overhead = _RECORD_OVERHEAD_BYTES + _HEADER_OVERHEAD_BYTES * len(headers)
        return overhead + len(self.key) + len(self.value) + named


class Record(msgspec.Struct, frozen=True):
    """A record of the log. `value` is None where the reader said that it is not interested in its type.

    Readers of one process may share it, so its headers are not to be changed; what one of them makes of it by reading,
    it may leave in `made` for the others.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: Headers = {}
    made: dict[str, Any] = {}


class LogError(Exception):
    """The log could not do it now; the caller backs off and tries again."""


class LogLost(Exception):
    """The log does not hold what it must hold: an offset out of range, a wrong topic setting. Stop and say so."""


class BatchTooLarge(ValueError):
    """The batch's records are larger than `batch_bytes_max` together. Nothing was sent: slice it by `size_bytes`."""


class Producer(Protocol):
    """Appends for one source. One batch in flight for each partition; after any error discard it and make a new one."""

    async def append(self, partition: Partition, records: Sequence[NewRecord]) -> int:
        """Append all records in order, durably; return the offset of the first (dense: first + i on the embedded log).

        A batch must fit `batch_bytes_max` (else BatchTooLarge). Raises LogError; then nothing, or all, may have been
        appended.
        """
        ...

    async def append_many(self, batches: Mapping[Partition, Sequence[NewRecord]]) -> Mapping[Partition, int]:
        """Append one batch to each partition, as `append`; on the embedded log in one transaction with one NOTIFY."""
        ...

    async def close(self) -> None: ...


class Subscription(Protocol):
    """A group member's view of the partitions that are its own at the moment."""

    async def next(self, *, records_max: int, timeout_seconds: float) -> Mapping[Partition, Sequence[Record]]:
        """The next records of the partitions assigned now, contiguous from where each was last read or sought.

        Waits up to `timeout_seconds` for something to come; {} when nothing came. Waking, not polling.
        Raises LogError (passing) or LogLost (an offset out of range).
        """
        ...

    async def seek(self, positions: Mapping[Partition, int]) -> None:
        """Read each partition on from that offset (partitions no longer assigned are passed over)."""
        ...

    def assigned(self) -> frozenset[Partition]: ...

    def next_offset(self, partition: Partition) -> int:
        """The offset that `next` will read from: past trailing control records, where there are such."""
        ...

    def wake(self) -> None:
        """Make a waiting `next` return at once."""
        ...

    async def close(self) -> None: ...


class EventLog(Protocol):
    """An append-only log of partitioned topics."""

    partitions: int
    batch_bytes_max: int

    async def start(self) -> None:
        """Connect; create the topics with the right settings or check those that exist (LogLost with a clear text)."""
        ...

    async def close(self) -> None: ...

    async def producer(self, source: str) -> Producer: ...

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        types: frozenset[str] | None,
        positions: Callable[[frozenset[Partition]], Awaitable[Mapping[Partition, int]]],
        waking: Callable[[], frozenset[str]] | None = None,
        gather_seconds: float = 0.0,
    ) -> Subscription:
        """Join `group`. `positions` is asked at each assignment where to read on from (absent: 0).

        `types`: the fact types (header `ce_type`) whose values are wanted and that wake the reader; other records
        come too, at the latest with the next wanted one or after two seconds, with value None where that saves work.
        None: everything. `waking`: asked for those of `types` that wake the reader, where not all of them do.
        `gather_seconds`: after a wake, wait this long for more.
        """
        ...

    def read(
        self, partition: Partition, start: int, stop: int | None = None, *, batch: int = 1000
    ) -> AsyncIterator[Sequence[Record]]:
        """Records from `start` up to `stop` (exclusive; None: the head when called), in batches, outside any group."""
        ...

    async def heads(self) -> Mapping[Partition, int]:
        """For each partition of the topics, the offset that the next record will get."""
        ...

    async def floors(self) -> Mapping[Partition, int]:
        """For each partition the first offset that is still held."""
        ...

"""Records as the embedded log stores them, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec

from leadway.eventlog._port import BatchTooLarge, LogLost, NewRecord, Partition, Record

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, bytes]).decode
_WORDS_MAX = 1024
# So many digits always fit a bigint.
_DIGITS_MAX = 18


@lru_cache(maxsize=_WORDS_MAX)
def _word(value: bytes | None) -> str | None:
    """Types and sources are few and come in every record. A text column takes no NUL and nothing but UTF-8."""
    if value is None:
        return None
    return value.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


class Batch:
    """Records on their way into one partition, and what is made of them only once."""

    __slots__ = ("headers", "partition", "records")

    def __init__(self, partition: Partition, records: Sequence[NewRecord]) -> None:
        self.partition = partition
        self.records = records
        self.headers = [dict(record.headers) for record in records]

    def at(self, first: int) -> list[Record]:
        """The records as a reader gets them, appended at `first`."""
        topic, number = self.partition.topic, self.partition.number
        return [
            Record(topic, number, offset, record.key, record.value, headers)
            for offset, record, headers in zip(count(first), self.records, self.headers, strict=False)
        ]


def columns(batches: Sequence[Batch], bytes_max: int) -> tuple[tuple[list[Any], ...], frozenset[str] | None]:
    """The arguments of the append statement, and the types among them (None: a record without a type).

    Raises BatchTooLarge.
    """
    keys: list[bytes] = []
    values: list[bytes] = []
    headers: list[dict[str, bytes]] = []
    packed: list[bytes] = []
    for batch in batches:
        before = len(packed)
        keys += [record.key for record in batch.records]
        values += [record.value for record in batch.records]
        headers += batch.headers
        packed += map(_encode, batch.headers)
        size = sum(sum(map(len, column[before:])) for column in (keys, values, packed))
        if size > bytes_max:
            raise BatchTooLarge(f"a batch of {size} bytes for {batch.partition} is over the limit of {bytes_max}")
    types = [_word(kind) for kind in (each.get("ce_type") for each in headers)]
    sources = [_word(source) for source in (each.get("ce_source") for each in headers)]
    sequences = [_number(each.get("ce_sequence", b"")) for each in headers]
    named = {kind for kind in types if kind is not None}
    return (
        [batch.partition.topic for batch in batches],
        [batch.partition.number for batch in batches],
        [len(batch.records) for batch in batches],
        keys,
        values,
        types,
        sources,
        sequences,
        packed,
    ), None if None in types else frozenset(named)


def fetched(
    starts: Mapping[Partition, int], rows: Iterable[tuple[int, int, bytes, bytes | None, bytes]]
) -> Mapping[Partition, list[Record]]:
    """The rows of the fetch statement by partition. Raises LogLost where one is missing between two."""
    partitions = list(starts)
    found: dict[Partition, list[Record]] = {}
    for n, offset, key, value, headers in rows:
        partition = partitions[n - 1]
        batch = found.get(partition)
        if batch is None:
            batch = found[partition] = []
        if offset != starts[partition] + len(batch):
            raise LogLost(f"{partition} lacks offset {starts[partition] + len(batch)}: the next held is {offset}")
        batch.append(Record(partition.topic, partition.number, offset, key, value, _decode(headers)))
    return found


def _number(value: bytes) -> int | None:
    """A sequence as a number; a missing or a strange one stays what it is in the headers only."""
    return int(value) if value.isdigit() and len(value) <= _DIGITS_MAX else None

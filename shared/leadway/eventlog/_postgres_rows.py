"""Records as the embedded log stores them, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from leadway.eventlog._port import BatchTooLarge, Headers, LogLost, NewRecord, Partition, Record

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


Given = Sequence[tuple[Partition, Sequence[NewRecord]]]
"""The batches of one append, each with its partition."""


def appended(partition: Partition, records: Sequence[NewRecord], first: int) -> list[Record]:
    """Records as a reader gets them, once they were appended at `first`."""
    topic, number = partition.topic, partition.number
    return [
        Record(topic, number, offset, record.key, record.value, record.headers)
        for offset, record in enumerate(records, first)
    ]


def columns(given: Given, bytes_max: int) -> tuple[tuple[list[Any], ...], frozenset[str] | None]:
    """The arguments of the append statement, and the types among them (None: a record without a type).

    Raises BatchTooLarge.
    """
    keys: list[bytes] = []
    values: list[bytes] = []
    headers: list[Headers] = []
    packed: list[bytes] = []
    for partition, records in given:
        before = len(packed)
        keys += [record.key for record in records]
        values += [record.value for record in records]
        headers += [record.headers for record in records]
        packed += map(_encode, headers[before:])
        size = sum(sum(map(len, column[before:])) for column in (keys, values, packed))
        if size > bytes_max:
            raise BatchTooLarge(f"a batch of {size} bytes for {partition} is over the limit of {bytes_max}")
    types = [_word(each.get("ce_type")) for each in headers]
    return (
        [partition.topic for partition, _ in given],
        [partition.number for partition, _ in given],
        [len(records) for _, records in given],
        keys,
        values,
        types,
        [_word(each.get("ce_source")) for each in headers],
        [_number(each.get("ce_sequence", b"")) for each in headers],
        packed,
    ), None if None in types else frozenset(kind for kind in types if kind is not None)


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

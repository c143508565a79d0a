"""Which partition a key belongs to: the same answer on every log and in every other Kafka client."""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_WORD = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF
# Keys come in runs (a lead's facts follow each other), so a few remembered answers save most of the arithmetic.
_REMEMBERED_MAX = 4096


def murmur2(data: bytes) -> int:
    """The 32-bit MurmurHash2 of Kafka's Java client, unsigned."""
    length = len(data)
    whole = length & ~3
    mixed = (_SEED ^ length) & _WORD
    for word in unpack_from(f"<{length >> 2}I", data):
        word = word * _MIX & _WORD  # noqa: PLW2901 the word, mixed
        mixed = (mixed * _MIX & _WORD) ^ ((word ^ word >> 24) * _MIX & _WORD)
    if whole != length:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _MIX & _WORD
    mixed = (mixed ^ mixed >> 13) * _MIX & _WORD
    return mixed ^ mixed >> 15


@lru_cache(maxsize=_REMEMBERED_MAX)
def partition_of(key: bytes, partitions: int) -> int:
    """The number, from 0, of the partition that holds `key`, as Kafka's default partitioner reckons it."""
    return (murmur2(key) & _POSITIVE) % partitions

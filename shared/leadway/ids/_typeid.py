"""TypeID: a prefix, `_`, and a UUIDv7 in 26 characters of lower-case Crockford base32."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_PAIR_SHIFTS: Final = tuple(range(120, -1, -10))
_SUFFIX_CHARACTERS: Final = 26
# 26 characters hold 130 bits; the first one carries only three of the 128.
_SUFFIX: Final = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")
_PREFIX: Final = re.compile(r"[a-z](?:[a-z_]{0,61}[a-z])?")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MILLISECONDS_MAX: Final = (1 << 48) - 1
_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_RANDOM_A: Final = (1 << 12) - 1
_RANDOM_B: Final = (1 << 62) - 1


def derive(prefix: str, at: datetime, *parts: str) -> str:
    """The id that follows from `prefix`, the instant `at` (to the millisecond) and `parts`: the same every time.

    Raises ValueError for a malformed prefix and for an instant without a zone or before 1970.
    """
    # Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    digest = hashlib.blake2b(digest_size=10)
    for part in (prefix, *parts):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return _build(prefix, at, int.from_bytes(digest.digest(), "big"))


def draw(prefix: str, at: datetime | None = None) -> str:
    """A fresh random id that sorts by `at` (default: this machine's clock, which only an edge may ask)."""
    return _build(prefix, datetime.now(UTC) if at is None else at, int.from_bytes(os.urandom(10), "big"))


def parse(text: str, prefix: str) -> str:
    """`text` itself, where it is an id of that kind. Raises ValueError otherwise, saying what was expected."""
    head, _, suffix = text.rpartition("_")
    if head != prefix or not _SUFFIX.fullmatch(suffix):
        raise ValueError(f"an id of the form {prefix}_ and {_SUFFIX_CHARACTERS} characters was expected")
    return text


def timestamp_of(identifier: str) -> datetime:
    """The instant that an id carries, in UTC, to the millisecond. Raises ValueError where it is no TypeID."""
    suffix = identifier.rpartition("_")[2]
    if not _SUFFIX.fullmatch(suffix):
        raise ValueError(f"an id ends in {_SUFFIX_CHARACTERS} characters of lower-case base32")
    bits = 0
    for character in suffix:
        bits = bits << 5 | _VALUES[character]
    return _EPOCH + (bits >> 80) * _MILLISECOND


def _build(prefix: str, at: datetime, entropy: int) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"a prefix is up to 63 lower-case letters, not {prefix!r}")
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone names no moment")
    milliseconds = (at - _EPOCH) // _MILLISECOND
    if not 0 <= milliseconds <= _MILLISECONDS_MAX:
        raise ValueError("the instant is outside what an id can carry (from 1970 on)")
    bits = milliseconds << 80 | _VERSION_7 | (entropy >> 62 & _RANDOM_A) << 64 | _VARIANT | entropy & _RANDOM_B
    return f"{prefix}_{''.join([_PAIRS[bits >> shift & 1023] for shift in _PAIR_SHIFTS])}"

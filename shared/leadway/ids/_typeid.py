"""TypeID: a prefix, `_`, and a UUIDv7 in 26 characters of lower-case Crockford base32."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
# 26 characters hold 130 bits; the first one carries only three of the 128: the instant fills just the first ten.
_INSTANT_SHIFTS: Final = (40, 30, 20, 10, 0)
_SUFFIX_CHARACTERS: Final = 26
_SUFFIX: Final = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")
_PREFIX: Final = re.compile(r"[a-z](?:[a-z_]{0,61}[a-z])?")

_DRAWN_AT_ONCE: Final = 128
_LENGTHS: Final = tuple(f"\0\0\0{chr(length)}" for length in range(128))

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
    return _build(prefix, _instant(at), hashlib.blake2b(_framed((prefix, *parts)), digest_size=10).digest())


def draw(prefix: str, at: datetime | None = None) -> str:
    """A fresh random id that sorts by `at` (default: this machine's clock, which only an edge may ask)."""
    instant = _spelled(int(datetime.now(UTC).timestamp() * 1000)) if at is None else _instant(at)
    return _build(prefix, instant, _ten_random_bytes())


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


def _ten_random_bytes() -> bytes:
    """From the system's source, asked for many at once: each question is a system call."""
    while True:
        try:
            return _random.pop()  # no two threads get the same
        except IndexError:
            drawn = os.urandom(10 * _DRAWN_AT_ONCE)
            _random.extend(drawn[start : start + 10] for start in range(0, len(drawn), 10))


_random: list[bytes] = []
os.register_at_fork(after_in_child=_random.clear)  # a child must not draw what its parent draws


def _framed(parts: tuple[str, ...]) -> bytes:
    """The parts, each preceded by the length of its UTF-8 in four bytes: ("ab", "c") and ("a", "bc") differ."""
    try:
        said = "".join([_LENGTHS[len(part)] + part for part in parts])
        if said.isascii():  # nearly always, and several times as fast: characters are bytes
            return said.encode()
    except IndexError:
        pass
    encoded = [part.encode() for part in parts]
    return b"".join([len(each).to_bytes(4, "big") + each for each in encoded])


def _build(prefix: str, instant: str, ten_bytes: bytes) -> str:
    entropy = int.from_bytes(ten_bytes, "big")
    rest = _VERSION_7 | (entropy >> 62 & _RANDOM_A) << 64 | _VARIANT | entropy & _RANDOM_B
    return (
        f"{_checked(prefix)}{instant}{_PAIRS[rest >> 70]}{_PAIRS[rest >> 60 & 1023]}{_PAIRS[rest >> 50 & 1023]}"
        f"{_PAIRS[rest >> 40 & 1023]}{_PAIRS[rest >> 30 & 1023]}{_PAIRS[rest >> 20 & 1023]}"
        f"{_PAIRS[rest >> 10 & 1023]}{_PAIRS[rest & 1023]}"
    )


@lru_cache(maxsize=16)
def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone names no moment")
    milliseconds = (at - _EPOCH) // _MILLISECOND
    if not 0 <= milliseconds <= _MILLISECONDS_MAX:
        raise ValueError("the instant is outside what an id can carry (from 1970 on)")
    return _spelled(milliseconds)


# The ids of one batch share their instant, those of one moment their millisecond: each is spelled once.
@lru_cache(maxsize=16)
def _spelled(milliseconds: int) -> str:
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in _INSTANT_SHIFTS])


@lru_cache(maxsize=256)
def _checked(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"a prefix is up to 63 lower-case letters, not {prefix!r}")
    return prefix + "_"

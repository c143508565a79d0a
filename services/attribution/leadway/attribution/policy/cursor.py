"""The cursor of the fact stream: for each partition the offset to read on from, as an opaque word."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

Cursor = Mapping[tuple[str, int], int]
"""(topic, partition) → the next offset; absent: from the beginning."""

_CURSOR_CHARACTERS_MAX = 8192


class BadCursor(ValueError):
    """It is no cursor of ours."""


def write_cursor(cursor: Cursor) -> str:
    """An opaque, URL-safe word; equal cursors give equal words."""
    rows = [(topic, partition, offset) for (topic, partition), offset in sorted(cursor.items()) if offset > 0]
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(rows)).rstrip(b"=").decode()


def read_cursor(word: str) -> dict[tuple[str, int], int]:
    """What `write_cursor` wrote. Raises BadCursor."""
    if len(word) > _CURSOR_CHARACTERS_MAX:
        raise BadCursor
    try:
        raw = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        rows = msgspec.msgpack.decode(raw, type=list[tuple[str, int, int]])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise BadCursor from None
    if any(offset < 0 or partition < 0 for _, partition, offset in rows):
        raise BadCursor
    return {(topic, partition): offset for topic, partition, offset in rows}

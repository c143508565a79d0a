"""The envelope around each fact: CloudEvents 1.0 attributes, and Leadway's extensions."""

from __future__ import annotations

from datetime import datetime

import msgspec

from leadway.facts._fact import Fact


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A fact with where it came from.

    `time`: when it was decided (UTC), never before its cause. `sequence`: dense for each source, topic and partition,
    counted from 1; 0 while it is not yet stamped. `cause`: the fact or request that led to it. `correlation`: the
    capture or registration that began it all. `actor`: `partner:ptr_…`, `user:…`, `source:src_…` or `service:…`.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    sequence: int
    cause: str
    correlation: str
    actor: str
    data: Fact
    traceparent: str | None = None


class Unreadable(Exception):
    """A record's envelope cannot be read at all: no lead can be named for it."""


class Undecodable(Exception):
    """The envelope reads, its fact does not: an unknown version of a known name, or data of the wrong shape."""

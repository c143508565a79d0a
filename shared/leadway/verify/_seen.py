"""A fact at its place."""

from __future__ import annotations

from typing import NamedTuple

from leadway.eventlog import Partition
from leadway.facts import Envelope


class Seen(NamedTuple):
    """A fact as judges get it. One that is committed and not on the log yet has its place counted on from the head."""

    envelope: Envelope
    partition: Partition
    offset: int

    @property
    def place(self) -> str:
        """`topic/partition/offset`, as the command line names places."""
        return f"{self.partition.topic}/{self.partition.number}/{self.offset}"

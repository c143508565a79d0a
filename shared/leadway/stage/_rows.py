"""The rows that a batch holds locked, in memory while it is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadway.facts import Fact
from leadway.stage._declare import SharedFold
from leadway.stage._refusals import KeysMissing


@dataclass(slots=True)
class SubjectRow:
    """A lead (or catalog entry) under this batch's lock: as loaded, and as decided so far."""

    topic: str
    subject: str
    state_before: Any
    mirror_before: Any
    state: Any
    mirror: Any
    last_at: datetime | None = None
    correlation: str | None = None
    parked: bool = False
    parked_before: bool = False

    @property
    def state_changed(self) -> bool:
        return self.state is not self.state_before

    @property
    def mirror_changed(self) -> bool:
        return self.mirror is not self.mirror_before

    def with_mirror(self, mirror: Any) -> SubjectRow:
        """The row as it will be once more was heard of its lead."""
        return SubjectRow(self.topic, self.subject, self.state_before, self.mirror_before, self.state, mirror)

    @property
    def changed(self) -> bool:
        return self.state_changed or self.mirror_changed or self.parked != self.parked_before


class KeyedRows:
    """Shared or identity rows under lock: values by key, and which of them the batch has changed."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.changed: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def get(self, key: str) -> Any:
        """The value as decided so far. KeyError: the row was not locked."""
        return self.values[key]

    def put(self, key: str, value: Any) -> None:
        """Take a decision's new value."""
        self.values[key] = value
        self.changed.add(key)


Turned = list[tuple[KeyedRows, str, Any]]
"""New values of keyed rows, not yet kept."""


def turned_by(
    rows: KeyedRows, fold: SharedFold, facts: Sequence[Fact], missing: Callable[[frozenset[str]], KeysMissing]
) -> Turned:
    """What the facts make of keyed rows. Raises what `missing` makes of a key that is not locked."""
    pending: dict[str, Any] = {}
    for fact in facts:
        for key in fold.keys(fact):
            if key not in rows:
                raise missing(frozenset([key]))
            pending[key] = fold.evolve(key, pending[key] if key in pending else rows.get(key), fact)
    return [(rows, key, value) for key, value in pending.items()]

"""The rows that a batch holds locked, in memory while it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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

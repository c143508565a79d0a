"""The `Around` that completing and deciding sees: one command's view of a batch under its locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leadway.ids import derive
from leadway.stage._catalogs import Snapshot
from leadway.stage._origin import Origin
from leadway.stage._refusals import KeysMissing
from leadway.stage._rows import KeyedRows, SubjectRow


class BatchAround:
    """See leadway.stage.Around for what each member means."""

    __slots__ = ("_identity", "_looked_up", "_origin", "_rows", "_shared", "catalogs", "now", "row")

    def __init__(  # noqa: PLR0917 by place, for it is made for every input of every batch
        self,
        row: SubjectRow,
        rows: Mapping[str, SubjectRow],
        shared: KeyedRows,
        identity: KeyedRows,
        catalogs: Snapshot,
        now: datetime,
        origin: Origin,
        looked_up: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        self.row = row
        self._rows = rows
        self._shared = shared
        self._identity = identity
        self.catalogs = catalogs
        self.now = now
        self._origin = origin
        self._looked_up = looked_up

    @property
    def subject(self) -> str:
        return self.row.subject

    @property
    def state(self) -> Any:
        return self.row.state

    @property
    def mirror(self) -> Any:
        return self.row.mirror

    @property
    def cause_at(self) -> datetime:
        return self._origin.at

    @property
    def actor(self) -> str:
        return self._origin.actor

    @property
    def input_id(self) -> str:
        return self._origin.input_id

    def shared(self, key: str) -> Any:
        if key not in self._shared:
            raise KeysMissing(shared=frozenset([key]))
        return self._shared.get(key)

    def identity(self, key: str) -> Any:
        if key not in self._identity:
            raise KeysMissing(identity=frozenset([key]))
        return self._identity.get(key)

    def state_of(self, subject: str) -> Any:
        row = self._rows.get(subject)
        if row is None:
            raise KeysMissing(subjects=frozenset([subject]))
        return row.state

    def looked_up(self, name: str) -> Sequence[Mapping[str, Any]]:
        return self._looked_up.get(name, ())

    def id(self, prefix: str, *parts: str) -> str:
        return derive(prefix, self._origin.at, self._origin.input_id, *parts)

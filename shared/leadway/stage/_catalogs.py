"""A service's copy of the catalogs: rows of its schema, decoded once, refreshed by revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast

from sqlalchemy import text

from leadway.facts import CatalogFact
from leadway.facts.codec import decode_data
from leadway.stage._direct import Executes

K = TypeVar("K", bound=CatalogFact)
T = TypeVar("T")

_CHANGED = text("SELECT kind, entity_id, document, revision FROM catalogs WHERE revision > :revision ORDER BY revision")
_REVISION = text("SELECT revision FROM catalog_revision")


class Snapshot:
    """The catalogs at one revision. Immutable but for its memo."""

    def __init__(self, revision: int, entries: Mapping[str, Mapping[str, CatalogFact]]) -> None:
        self.revision = revision
        self._entries = entries
        self._memo: dict[str, Any] = {}

    def get(self, kind: type[K], entity_id: str) -> K | None:
        """The newest version of one entry."""
        return cast("K | None", self._entries.get(kind.wire, {}).get(entity_id))

    def all(self, kind: type[K]) -> Mapping[str, K]:
        """Every entry of a kind by its id."""
        return MappingProxyType(cast("dict[str, K]", self._entries.get(kind.wire, {})))

    def memo(self, name: str, build: Callable[[Snapshot], T]) -> T:
        """What `build` makes of this snapshot, made once."""
        if name not in self._memo:
            self._memo[name] = build(self)
        return cast("T", self._memo[name])

    def with_entries(self, changed: list[CatalogFact], revision: int | None = None) -> Snapshot:
        """A snapshot with these entries in place of older versions of them."""
        entries = {kind: dict(by_id) for kind, by_id in self._entries.items()}
        for fact in changed:
            of_kind = entries.setdefault(fact.wire, {})
            held = of_kind.get(fact.entity_id)
            if held is None or held.version < fact.version:
                of_kind[fact.entity_id] = fact
        return Snapshot(self.revision if revision is None else revision, entries)


class CatalogCache:
    """Keeps the newest committed snapshot of this process."""

    def __init__(self) -> None:
        self._snapshot = Snapshot(0, {})

    @property
    def held(self) -> Snapshot:
        """The last snapshot that was read; it may be older than the database."""
        return self._snapshot

    async def at(self, connection: Executes, revision: int) -> Snapshot:
        """The snapshot of at least `revision`, read through `connection` where this process has an older one."""
        held = self._snapshot
        if revision <= held.revision:
            return held
        rows = (await connection.execute(_CHANGED, {"revision": held.revision})).all()
        facts = [cast("CatalogFact", decode_data(row.kind, row.document)) for row in rows]
        newest = max((row.revision for row in rows), default=revision)
        read = held.with_entries(facts, newest)
        if self._snapshot is held:  # else it was forgotten or overtaken meanwhile: these rows alone would not be all
            self._snapshot = read
        return read

    async def refresh(self, connection: Executes) -> Snapshot:
        """The snapshot as committed now."""
        revision = (await connection.execute(_REVISION)).scalar_one()
        return await self.at(connection, revision)

    def forget(self) -> None:
        """Read everything again at the next use (after a lost connection or a swapped schema)."""
        self._snapshot = Snapshot(0, {})

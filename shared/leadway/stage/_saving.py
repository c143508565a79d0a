"""Saving what a batch decided: each class of rows set-based, and the views that follow from the states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadway.facts import LEAD_EVENTS, CatalogFact
from leadway.facts.codec import encode_data
from leadway.stage import _sql
from leadway.stage._codec import encode
from leadway.stage._declare import Stage, View
from leadway.stage._direct import Executes
from leadway.stage._inputs import FactInput, Place
from leadway.stage._rows import KeyedRows, SubjectRow
from leadway.stage._writes import Writes


class ViewWriter:
    """Keeps one view's table equal to its function of the states that changed."""

    def __init__(self, view: View) -> None:
        self.view = view
        columns = ", ".join(f'"{name}"' for name in view.columns)
        arrays = ", ".join(f"CAST(:c{i} AS {kind}[])" for i, kind in enumerate(view.columns.values()))
        self._drop = f"DELETE FROM {view.table} WHERE subject = ANY(CAST(:subjects AS text[]))"
        self._add = (
            f"INSERT INTO {view.table} (subject, {columns}) SELECT * FROM unnest(CAST(:subjects AS text[]), {arrays})"
        )

    def save(self, writes: Writes, rows: Iterable[SubjectRow]) -> None:
        """Replace the rows of the subjects whose rows differ."""
        drop: list[str] = []
        added: list[tuple[Any, ...]] = []
        for row in rows:
            if not (row.mirror_changed if self.view.of == "mirror" else row.state_changed):
                continue
            before, after = self._values(row, before=True), self._values(row, before=False)
            if before == after:
                continue
            if before:
                drop.append(row.subject)
            added.extend((row.subject, *values) for values in after)
        if drop:
            writes.add(f"drop_{self.view.table}", self._drop, {"subjects": drop})
        if added:
            subjects, *columns = map(list, zip(*added, strict=True))
            values = {"subjects": subjects} | {f"c{i}": c for i, c in enumerate(columns)}
            writes.add(f"add_{self.view.table}", self._add, values)

    def _values(self, row: SubjectRow, *, before: bool) -> list[tuple[Any, ...]]:
        if self.view.of == "mirror":
            value = row.mirror_before if before else row.mirror
        else:
            value = row.state_before if before else row.state
        return list(self.view.rows(row.subject, value))


def save_subjects(writes: Writes, rows: Sequence[SubjectRow]) -> None:
    """States, mirrors and flags of the rows that changed; None keeps what is there."""
    if rows:
        columns = {
            "topics": [row.topic for row in rows],
            "subjects": [row.subject for row in rows],
            "states": [encode(row.state) if row.state_changed else None for row in rows],
            "mirrors": [encode(row.mirror) if row.mirror_changed else None for row in rows],
            "last_ats": [row.last_at for row in rows],
            "correlations": [row.correlation for row in rows],
            "parked": [row.parked for row in rows],
        }
        writes.add("save_subjects", _sql.SAVE_SUBJECTS, columns)


def drop_stubs(writes: Writes, rows: Sequence[SubjectRow]) -> None:
    """Take back rows that were put there to be locked, where nothing came of it: commands on ids that nobody knows."""
    if rows:
        columns = {"topics": [row.topic for row in rows], "subjects": [row.subject for row in rows]}
        writes.add("drop_stubs", _sql.DROP_STUBS, columns)


def save_keyed(writes: Writes, table: str, rows: KeyedRows) -> None:
    """Shared or identity values that the batch changed."""
    keys = sorted(rows.changed)
    if keys:
        values = {"keys": keys, "values": [encode(rows.values[key]) for key in keys]}
        writes.add(f"save_{table}", _sql.SAVE_KEYS.format(table=table), values)


async def save_catalogs(connection: Executes, edits: Sequence[CatalogFact]) -> None:
    """Catalog entries, own and foreign, under the next revision."""
    if not edits:
        return
    newest = {(fact.wire, fact.entity_id): fact for fact in sorted(edits, key=lambda fact: fact.version)}
    revision = (await connection.execute(_sql.NEXT_REVISION)).scalar_one()
    await connection.execute(
        _sql.SAVE_CATALOGS,
        {
            "revision": revision,
            "kinds": [kind for kind, _ in newest],
            "entities": [entity for _, entity in newest],
            "versions": [fact.version for fact in newest.values()],
            "documents": [encode_data(fact) for fact in newest.values()],
        },
    )


def save_timers(writes: Writes, stage: Stage, rows: Iterable[SubjectRow]) -> None:
    """The timers that the changed states ask for."""
    if stage.on_timer is None:
        return
    gone: list[tuple[str, str]] = []
    due: list[tuple[str, str, Any]] = []
    for row in rows:
        if not row.state_changed:
            continue
        before = {timer.name: timer.due_at for timer in stage.timers(row.state_before)}
        after = {timer.name: timer.due_at for timer in stage.timers(row.state)}
        gone.extend((row.subject, name) for name in before if name not in after)
        due.extend((row.subject, name, at) for name, at in after.items() if before.get(name) != at)
    if gone:
        writes.add("drop_timers", _sql.DROP_TIMERS, _columns(gone, "subjects", "names"))
    if due:
        writes.add("save_timers", _sql.SAVE_TIMERS, _columns(due, "subjects", "names", "dues"))


async def save_parking(
    connection: Executes, parked: Sequence[tuple[FactInput, str]], released: Sequence[FactInput]
) -> None:
    """Which records wait, and why; which were released and handled."""
    if parked:
        columns = ("topics", "partitions", "offsets", "subjects", "types", "reasons")
        rows = [(*_place(item), item.subject, _said(item.type), _said(reason)) for item, reason in parked]
        await connection.execute(_sql.PARK, _columns(rows, *columns))
    if released:
        rows = [_place(item) for item in released]
        await connection.execute(_sql.RELEASED, _columns(rows, "topics", "partitions", "offsets"))


async def still_parked(connection: Executes, items: Sequence[FactInput]) -> set[Place]:
    """Of these records those that still wait. Their leads are locked, so that this stays so."""
    columns = _columns([_place(item) for item in items], "topics", "partitions", "offsets")
    rows = await connection.execute(_sql.STILL_PARKED, columns)
    return {Place(*row) for row in rows.all()}


def _said(words: str) -> str:
    """Words that may come from anywhere, as the database takes them."""
    return words[:_SAID_CHARACTERS_MAX].replace("\0", "").encode(errors="replace").decode()


_SAID_CHARACTERS_MAX = 500


def _place(item: FactInput) -> tuple[str, int, int]:
    return item.place.topic, item.place.partition, item.place.offset


def _columns(rows: Sequence[tuple[Any, ...]], *names: str) -> Mapping[str, list[Any]]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def lead_rows(rows: Iterable[SubjectRow]) -> list[SubjectRow]:
    """The leads among the rows that changed."""
    return [row for row in rows if row.topic == LEAD_EVENTS and (row.state_changed or row.mirror_changed)]

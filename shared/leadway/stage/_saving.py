"""Saving what a batch decided: each class of rows in one statement, and the views that follow from the states."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import TextClause, text

from leadway.eventlog import Partition, partition_of
from leadway.facts import LEAD_EVENTS, CatalogFact, Envelope
from leadway.facts.codec import encode_data, encode_headers
from leadway.stage import _sql
from leadway.stage._codec import encode
from leadway.stage._declare import Stage, View
from leadway.stage._direct import Executes
from leadway.stage._inputs import FactInput, Stamped
from leadway.stage._rows import KeyedRows, SubjectRow

_headers = msgspec.msgpack.Encoder()


class ViewWriter:
    """Keeps one view's table equal to its function of the states that changed."""

    def __init__(self, view: View) -> None:
        self.view = view
        columns = ", ".join(f'"{name}"' for name in view.columns)
        arrays = ", ".join(f"CAST(:c{i} AS {kind}[])" for i, kind in enumerate(view.columns.values()))
        self._drop: TextClause = text(f"DELETE FROM {view.table} WHERE subject = ANY(CAST(:subjects AS text[]))")
        self._add: TextClause = text(
            f"INSERT INTO {view.table} (subject, {columns}) SELECT * FROM unnest(CAST(:subjects AS text[]), {arrays})"
        )

    async def save(self, connection: Executes, rows: Iterable[SubjectRow]) -> None:
        """Replace the rows of the subjects whose rows differ."""
        drop: list[str] = []
        added: list[tuple[Any, ...]] = []
        for row in rows:
            before, after = self._values(row, before=True), self._values(row, before=False)
            if before == after:
                continue
            if before:
                drop.append(row.subject)
            added.extend((row.subject, *values) for values in after)
        if drop:
            await connection.execute(self._drop, {"subjects": drop})
        await self.insert(connection, added)

    async def insert(self, connection: Executes, added: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, each with its subject first."""
        if added:
            subjects, *columns = map(list, zip(*added, strict=True))
            await connection.execute(self._add, {"subjects": subjects} | {f"c{i}": c for i, c in enumerate(columns)})

    def _values(self, row: SubjectRow, *, before: bool) -> list[tuple[Any, ...]]:
        if self.view.of == "mirror":
            value = row.mirror_before if before else row.mirror
        else:
            value = row.state_before if before else row.state
        return list(self.view.rows(row.subject, value))


async def save_subjects(connection: Executes, rows: Sequence[SubjectRow]) -> None:
    """States, mirrors and flags of the rows that changed; None keeps what is there."""
    if not rows:
        return
    await connection.execute(
        _sql.SAVE_SUBJECTS,
        {
            "topics": [row.topic for row in rows],
            "subjects": [row.subject for row in rows],
            "states": [encode(row.state) if row.state_changed else None for row in rows],
            "mirrors": [encode(row.mirror) if row.mirror_changed else None for row in rows],
            "last_ats": [row.last_at for row in rows],
            "correlations": [row.correlation for row in rows],
            "parked": [row.parked for row in rows],
        },
    )


async def save_keyed(connection: Executes, table: str, rows: KeyedRows) -> None:
    """Shared or identity values that the batch changed."""
    keys = sorted(rows.changed)
    if keys:
        values = [encode(rows.values[key]) for key in keys]
        await connection.execute(_sql.KEYED[table]["save"], {"keys": keys, "values": values})


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


async def save_timers(connection: Executes, stage: Stage, rows: Iterable[SubjectRow]) -> None:
    """The timers that the changed states ask for."""
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
        await connection.execute(_sql.DROP_TIMERS, _columns(gone, "subjects", "names"))
    if due:
        await connection.execute(_sql.SAVE_TIMERS, _columns(due, "subjects", "names", "dues"))


async def stamp(
    connection: Executes, facts: Sequence[Envelope], encoded: Mapping[str, bytes], partitions: int
) -> list[Stamped]:
    """Number the facts, dense for each partition, and put them into the outbox: the transaction's last step."""
    if not facts:
        return []
    places = [Partition(fact.data.topic, partition_of(fact.subject.encode(), partitions)) for fact in facts]
    touched = sorted(set(places))
    spots = {"topics": [each.topic for each in touched], "partitions": [each.number for each in touched]}
    locked = (await connection.execute(_sql.LOCK_COUNTERS, spots)).all()
    if len(locked) < len(touched):
        await connection.execute(_sql.ADD_COUNTERS, spots)
        locked = (await connection.execute(_sql.LOCK_COUNTERS, spots)).all()
    counts = {Partition(row.topic, row.partition): itertools.count(row.sequence + 1) for row in locked}
    stamped: list[Stamped] = []
    for place, fact in zip(places, facts, strict=True):
        numbered = msgspec.structs.replace(fact, sequence=next(counts[place]))
        stamped.append(Stamped(place, numbered.sequence, numbered, encoded[fact.id]))
    last = {each.partition: each.sequence for each in stamped}
    await connection.execute(
        _sql.STAMP,
        {
            **spots,
            "sequences": [last[each] for each in touched],
            "out_topics": [each.partition.topic for each in stamped],
            "out_partitions": [each.partition.number for each in stamped],
            "out_sequences": [each.sequence for each in stamped],
            "keys": [each.envelope.subject for each in stamped],
            "headers": [_headers.encode(encode_headers(each.envelope)) for each in stamped],
            "values": [each.value for each in stamped],
        },
    )
    return stamped


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

"""Rebuilding a service's folded tables from the log, in a schema beside the live one, and comparing the two by hash.

The cut is one snapshot of the live schema: own facts up to what was sent, then the outbox; foreign facts up to the
saved positions; parked records left out as they were. What is folded is what deciding folded, in the same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from leadway.eventlog import EventLog, Partition, Record
from leadway.facts import LEAD_EVENTS, CatalogFact, Envelope, Fact
from leadway.facts.codec import decode, unpack_headers
from leadway.stage import _saving, _sql
from leadway.stage._codec import encode
from leadway.stage._declare import SharedFold, Stage
from leadway.stage._reading import Reader
from leadway.stage._rows import KeyedRows, SubjectRow
from leadway.stage._writes import Writes

_marks = msgspec.msgpack.Decoder(dict[str, int])
_WRITE_MAX = 5000
_READ_MAX = 2000


@dataclass(slots=True)
class Cut:
    """What the live schema had folded at one instant."""

    positions: dict[Partition, int] = field(default_factory=dict[Partition, int])
    counters: dict[Partition, int] = field(default_factory=dict[Partition, int])
    outbox: list[tuple[Partition, int, Envelope]] = field(default_factory=list[tuple[Partition, int, Envelope]])
    left_out: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    parked: set[str] = field(default_factory=set[str])
    hashes: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Folded:
    """The fold so far, in memory."""

    stage: Stage
    leads: dict[str, SubjectRow] = field(default_factory=dict[str, SubjectRow])
    entries: dict[str, SubjectRow] = field(default_factory=dict[str, SubjectRow])
    shared: KeyedRows = field(default_factory=lambda: KeyedRows({}))
    identity: KeyedRows = field(default_factory=lambda: KeyedRows({}))
    catalogs: dict[tuple[str, str], CatalogFact] = field(default_factory=dict[tuple[str, str], CatalogFact])
    facts: int = 0

    def own(self, envelope: Envelope) -> None:
        """Fold one of the service's own facts."""
        self.facts += 1
        fact = envelope.data
        if isinstance(fact, CatalogFact):
            self._catalog(fact)
            self.entries.setdefault(
                envelope.subject, _empty(fact.topic, envelope.subject, None, None)
            ).last_at = envelope.time
            return
        row = self._row(envelope.subject)
        if self.stage.leads is not None:
            row.state = self.stage.leads.evolve(row.state, fact)
        row.last_at = max(row.last_at or envelope.time, envelope.time)
        row.correlation = envelope.correlation
        self._spread(self.shared, self.stage.shared, fact)
        self._spread(self.identity, self.stage.identity, fact)

    def foreign(self, envelope: Envelope) -> None:
        """Fold a consumed fact into mirror or catalogs."""
        self.facts += 1
        fact = envelope.data
        if isinstance(fact, CatalogFact):
            self._catalog(fact)
            return
        row = self._row(envelope.subject)
        row.correlation = row.correlation or envelope.correlation
        if self.stage.mirror is not None:
            row.mirror = self.stage.mirror.reflect(row.mirror, envelope)

    def _row(self, subject: str) -> SubjectRow:
        row = self.leads.get(subject)
        if row is None:
            state = self.stage.leads.initial if self.stage.leads else None
            mirror = self.stage.mirror.initial if self.stage.mirror else None
            row = self.leads[subject] = _empty(LEAD_EVENTS, subject, state, mirror)
        return row

    def _catalog(self, fact: CatalogFact) -> None:
        held = self.catalogs.get((fact.wire, fact.entity_id))
        if held is None or held.version < fact.version:
            self.catalogs[fact.wire, fact.entity_id] = fact

    @staticmethod
    def _spread(rows: KeyedRows, fold: SharedFold | None, fact: Fact) -> None:
        if fold is None:
            return
        for key in fold.keys(fact):
            value = rows.values[key] if key in rows else fold.initial(key)
            rows.put(key, fold.evolve(key, value, fact))


def _empty(topic: str, subject: str, state: Any, mirror: Any) -> SubjectRow:
    return SubjectRow(topic, subject, state, mirror, state, mirror)


@asynccontextmanager
async def cut_of(engine: AsyncEngine, stage: Stage) -> AsyncGenerator[tuple[AsyncConnection, Cut]]:
    """The cut, and the connection whose snapshot it is."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            yield connection, await read_cut(connection, stage)


async def read_cut(connection: AsyncConnection, stage: Stage) -> Cut:
    """What is folded in the schema that the connection sees."""
    cut = Cut(hashes=await hashes(connection, stage))
    await _read_places(connection, cut)
    outbox = text("SELECT topic, partition, sequence, headers, value FROM outbox ORDER BY topic, partition, sequence")
    for row in (await connection.execute(outbox)).all():
        envelope = decode(unpack_headers(row.headers, row.sequence), row.value)
        cut.outbox.append((Partition(row.topic, row.partition), row.sequence, envelope))
    flagged = text("SELECT subject FROM subjects WHERE parked")
    cut.parked = {row.subject for row in (await connection.execute(flagged)).all()}
    return cut


async def unmoved(connection: AsyncConnection, cut: Cut) -> bool:
    """Whether nothing was consumed, decided or released since the cut, in the schema that the connection sees."""
    now = Cut()
    await _read_places(connection, now)
    return (now.positions, now.counters, now.left_out) == (cut.positions, cut.counters, cut.left_out)


async def _read_places(connection: AsyncConnection, cut: Cut) -> None:
    for row in (await connection.execute(_sql.POSITIONS)).all():
        cut.positions[Partition(row.topic, row.partition)] = row.position
    for row in (await connection.execute(_sql.COUNTERS)).all():
        cut.counters[Partition(row.topic, row.partition)] = row.sequence
    waiting = text("""SELECT topic, partition, "offset" FROM parked WHERE verdict IS DISTINCT FROM 'released'""")
    cut.left_out = {(row.topic, row.partition, row.offset) for row in (await connection.execute(waiting)).all()}


async def fold_log(stage: Stage, log: EventLog, cut: Cut, progress: Callable[[int], None] = lambda _: None) -> Folded:
    """Fold the log up to the cut, then the outbox. Raises Stopped where the log has a gap."""
    folded = Folded(stage)
    folding = _Folding(stage, cut, folded)
    heads, floors = await log.heads(), await log.floors()
    for partition in sorted(heads):
        marks: dict[str, int] = {}
        async for records in _ahead(log.read(partition, floors[partition], heads[partition], batch=_READ_MAX)):
            marks = folding.take(partition, records, marks)
            progress(folded.facts)
        folding.finish(partition, marks.get(stage.service, 0))
    return folded


async def _ahead(batches: AsyncIterator[Sequence[Record]]) -> AsyncGenerator[Sequence[Record]]:
    """The batches, each asked for while the one before is folded: the database reads while we reckon."""
    coming = asyncio.ensure_future(anext(batches, None))
    try:
        while (records := await coming) is not None:
            coming = asyncio.ensure_future(anext(batches, None))
            await asyncio.sleep(0)  # the question is on its way before the folding begins
            yield records
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


class _Folding:
    def __init__(self, stage: Stage, cut: Cut, folded: Folded) -> None:
        self._service = stage.service
        self._cut = cut
        self._folded = folded
        self._reader = Reader(stage, everything=True)

    def take(self, partition: Partition, records: Iterable[Record], marks: Mapping[str, int]) -> dict[str, int]:
        reading = self._reader.read(list(records), marks)
        position = self._cut.positions.get(partition, 0)
        counter = self._cut.counters.get(partition, 0)
        for item in reading.inputs:
            envelope = item.envelope
            if envelope is None:
                continue
            if envelope.source == self._service:
                if envelope.sequence <= counter:
                    self._folded.own(envelope)
            elif item.place.offset < position:
                place = (item.place.topic, item.place.partition, item.place.offset)
                if place not in self._cut.left_out:
                    self._folded.foreign(envelope)
        return reading.marks

    def finish(self, partition: Partition, mark: int) -> None:
        """The outbox's own facts beyond what the log holds of them."""
        for place, sequence, envelope in self._cut.outbox:
            if place == partition and sequence > mark:
                self._folded.own(envelope)


async def write(connection: AsyncConnection, stage: Stage, folded: Folded, cut: Cut) -> None:
    """Fill the (empty) folded tables that the connection sees with what was folded."""
    rows = [*folded.leads.values(), *folded.entries.values()]
    for row in rows:
        row.parked = row.subject in cut.parked
    views = [_saving.ViewWriter(view) for view in stage.views]
    for start in range(0, len(rows), _WRITE_MAX):
        part = rows[start : start + _WRITE_MAX]
        writes = Writes()
        _saving.save_subjects(writes, part)
        leads = _saving.lead_rows(part)
        for view in views:
            view.save(writes, leads)
        _saving.save_timers(writes, stage, leads)
        await writes.send(connection)
    for table, keyed in (("shared_keys", folded.shared), ("identity_keys", folded.identity)):
        await connection.execute(_sql.ADD_KEYS[table], {"keys": sorted(keyed.changed)})
        writes = Writes()
        _saving.save_keyed(writes, table, keyed)
        await writes.send(connection)
    await _saving.save_catalogs(connection, list(folded.catalogs.values()))


async def hashes(connection: AsyncConnection, stage: Stage) -> dict[str, str]:
    """For each folded table an order-free sum of its rows' digests, clock columns left out, with the number of rows."""
    # A lead without a state has the initial one; whether that was ever written is no difference.
    initial = {"state": encode(stage.leads.initial if stage.leads else None)}
    initial["mirror"] = encode(stage.mirror.initial if stage.mirror else None)
    subjects = ", ".join(f"nullif({name}, CAST(:{name} AS bytea)) AS {name}" for name in initial)
    tables = {
        "subjects": f"""SELECT subject, md5(coalesce(state, '')) AS s, md5(coalesce(mirror, '')) AS m
                        FROM (SELECT subject, {subjects} FROM subjects) AS r
                        WHERE state IS NOT NULL OR mirror IS NOT NULL""",
        "shared_keys": "SELECT key, md5(value) FROM shared_keys WHERE value IS NOT NULL",
        "identity_keys": "SELECT key, md5(value) FROM identity_keys WHERE value IS NOT NULL",
        "timers": "SELECT subject, name, due_at FROM timers",
        "catalogs": "SELECT kind, entity_id, version, md5(document) FROM catalogs",
        **{view.table: f"SELECT * FROM {view.table}" for view in stage.views},
    }
    found: dict[str, str] = {}
    for name, rows in tables.items():
        digest = "('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint::numeric"
        sql = f"SELECT count(*) AS n, coalesce(sum({digest}), 0)::text AS h FROM ({rows}) AS t"
        row = (await connection.execute(text(sql), initial if name == "subjects" else {})).one()
        found[name] = f"{row.h} ({row.n} rows)"
    return found

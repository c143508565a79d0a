"""What the services' databases say, each read in one snapshot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from leadway.database import connect, role_of, schema_of
from leadway.eventlog import Partition
from leadway.facts import Envelope
from leadway.facts.codec import decode, unpack_headers
from leadway.verify._credit import Booking, Books
from leadway.verify._deliveries import Desk, Waiting

_POSITIONS = text("SELECT topic, partition, position, marks FROM positions")
_COUNTERS = text("SELECT topic, partition, sequence FROM counters")
_SENT = text('SELECT topic, partition, sequence, "offset", id FROM sent')
_OUTBOX = text("SELECT topic, partition, sequence, headers, value FROM outbox ORDER BY topic, partition, sequence")
_PARKED = text("SELECT subject FROM subjects WHERE parked")
_BOOKINGS = text("SELECT deal_id, fact_id, minor, currency FROM bookings")
# A message behind its lead's head waits for that one; a head without a turn of its own is tried as soon as can be.
_WAITING = text("""
SELECT p.endpoint_id, p.subject, p.fact_id, CASE
  WHEN NOT EXISTS (SELECT FROM pending AS h WHERE h.endpoint_id = p.endpoint_id AND h.subject = p.subject AND h.head)
    THEN NULL
  ELSE nullif(greatest(t.next_attempt_at, t.leased_until, statement_timestamp()), 'infinity') END AS tried_next
FROM pending AS p
LEFT JOIN turns AS t ON t.endpoint_id = p.endpoint_id AND t.subject = p.subject AND t.number = p.number
""")
_marks = msgspec.msgpack.Decoder(dict[str, int])
_NAME = "leadway verify"


@dataclass(frozen=True, slots=True)
class Sent:
    """The fact that a relay sent last to a partition, and where it went."""

    sequence: int
    offset: int
    id: str


@dataclass(slots=True)
class Kept:
    """What one service keeps beside its state."""

    service: str
    positions: dict[Partition, int] = field(default_factory=dict[Partition, int])
    marks: dict[Partition, Mapping[str, int]] = field(default_factory=dict[Partition, Mapping[str, int]])
    counters: dict[Partition, int] = field(default_factory=dict[Partition, int])
    sent: dict[Partition, Sent] = field(default_factory=dict[Partition, Sent])
    outbox: list[tuple[Partition, int, Envelope]] = field(default_factory=list[tuple[Partition, int, Envelope]])
    parked: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tables:
    """All services' tables."""

    kept: dict[str, Kept] = field(default_factory=dict[str, Kept])
    books: Books = field(default_factory=Books)
    desk: Desk = field(default_factory=Desk)

    @property
    def parked(self) -> frozenset[str]:
        """Leads that wait, with a fact that a service could not handle."""
        return frozenset[str]().union(*(kept.parked for kept in self.kept.values()))


@asynccontextmanager
async def snapshot(database_url: str, service: str) -> AsyncGenerator[AsyncConnection]:
    """A connection that sees a service's schema as it is at one instant."""
    engine: AsyncEngine = connect(
        database_url, schema=schema_of(service), role=role_of(service), pool_size=1, application_name=_NAME
    )
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield connection
    finally:
        await engine.dispose()


async def read_tables(database_url: str, services: list[str]) -> Tables:
    """The tables of these services."""
    tables = Tables()
    for service in services:
        async with snapshot(database_url, service) as connection:
            kept = tables.kept[service] = await _kept(connection, service)
            if service == "attribution":
                rows = (await connection.execute(_BOOKINGS)).all()
                bookings = [Booking(row.deal_id, row.fact_id, row.minor, row.currency) for row in rows]
                tables.books = Books(bookings, kept.positions, kept.parked)
            if service == "delivery":
                rows = (await connection.execute(_WAITING)).all()
                waiting = [Waiting(row.endpoint_id, row.subject, row.fact_id, row.tried_next) for row in rows]
                tables.desk = Desk(waiting, kept.positions, kept.counters, kept.parked)
    return tables


async def read_counters(database_url: str, services: list[str]) -> dict[str, Mapping[Partition, int]]:
    """How many facts each service has counted by now."""
    found: dict[str, Mapping[Partition, int]] = {}
    for service in services:
        async with snapshot(database_url, service) as connection:
            found[service] = await _counters(connection)
    return found


async def _kept(connection: AsyncConnection, service: str) -> Kept:
    kept = Kept(service)
    for row in (await connection.execute(_POSITIONS)).all():
        partition = _partition(row)
        kept.positions[partition] = row.position
        kept.marks[partition] = _marks.decode(row.marks) if row.marks else {}
    kept.counters = await _counters(connection)
    for row in (await connection.execute(_SENT)).all():
        kept.sent[_partition(row)] = Sent(row.sequence, row.offset, row.id)
    for row in (await connection.execute(_OUTBOX)).all():
        envelope = decode(unpack_headers(row.headers, row.sequence), row.value)
        kept.outbox.append((_partition(row), row.sequence, envelope))
    kept.parked = frozenset((await connection.execute(_PARKED)).scalars())
    return kept


async def _counters(connection: AsyncConnection) -> dict[Partition, int]:
    return {_partition(row): row.sequence for row in (await connection.execute(_COUNTERS)).all()}


def _partition(row: Any) -> Partition:
    return Partition(row.topic, row.partition)

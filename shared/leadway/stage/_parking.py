"""What was parked: looking at it, releasing a lead's facts in order, dropping one for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import EventLog, Partition, Record
from leadway.stage import _sql
from leadway.stage._inputs import TIMERS, Batch, FactInput, Input, Place
from leadway.stage._reading import read_fact
from leadway.stage._transaction import Transactions

_LIST = text("""
SELECT topic, partition, "offset", subject, type, reason, parked_at FROM parked
WHERE verdict IS NULL ORDER BY parked_at, topic, partition, "offset" LIMIT :limit
""")
_OF_SUBJECT = text("""
SELECT topic, partition, "offset" FROM parked WHERE verdict IS NULL AND subject = :subject
ORDER BY topic, partition, "offset" LIMIT :limit
""")
_LOCK = text("SELECT subject FROM subjects WHERE subject = :subject FOR UPDATE")
_CLEAR = text("""
UPDATE subjects SET parked = false WHERE subject = :subject AND NOT EXISTS (
  SELECT FROM parked WHERE verdict IS NULL AND subject = :subject) RETURNING subject
""")
_DROP = text("""
UPDATE parked SET verdict = 'dropped' WHERE verdict IS NULL AND topic = :topic AND partition = :partition
  AND "offset" = :offset RETURNING subject
""")
_BATCH = 200


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record that waits, and why."""

    place: Place
    subject: str | None
    type: str
    reason: str
    parked_at: datetime


class StillParked(Exception):
    """A released fact could not be handled this time either; its lead stays parked."""


@dataclass(frozen=True, slots=True)
class ParkingLot:
    """The parked records of one service."""

    engine: AsyncEngine
    log: EventLog
    transactions: Transactions

    async def list(self, limit: int = 200) -> Sequence[ParkedRecord]:
        """What waits, the oldest first."""
        async with self.engine.connect() as connection:
            rows = (await connection.execute(_LIST, {"limit": limit})).all()
        return [
            ParkedRecord(Place(r.topic, r.partition, r.offset), r.subject, r.type, r.reason, r.parked_at) for r in rows
        ]

    async def release(self, subject: str) -> int:
        """Handle a lead's parked facts in their order, then let the lead go on; return how many.

        Raises StillParked with the reason where one fails again.
        """
        handled = 0
        while True:
            places = await self._pending(subject)
            if not places:
                if await self._clear(subject):
                    return handled
                continue
            for place in places:
                if place.topic == TIMERS:  # due as before: it comes again by itself as soon as its lead goes on
                    await self._close(place)
                else:
                    await self._handle(subject, place)
                handled += 1

    async def drop(self, place: Place) -> str | None:
        """Give one record up for good; a rebuild leaves it out too. Returns its lead. Raises LookupError."""
        async with self.engine.begin() as connection:
            spot = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
            row = (await connection.execute(_DROP, spot)).one_or_none()
        if row is None:
            message = f"nothing is parked at {place.topic}/{place.partition}/{place.offset}"
            raise LookupError(message)
        return row.subject

    async def _pending(self, subject: str) -> list[Place]:
        async with self.engine.connect() as connection:
            rows = (await connection.execute(_OF_SUBJECT, {"subject": subject, "limit": _BATCH})).all()
        return [Place(row.topic, row.partition, row.offset) for row in rows]

    async def _clear(self, subject: str) -> bool:
        async with self.engine.begin() as connection:
            known = (await connection.execute(_LOCK, {"subject": subject})).all()
            if not known:
                return True
            return (await connection.execute(_CLEAR, {"subject": subject})).one_or_none() is not None

    async def _close(self, place: Place) -> None:
        spot = {"topics": [place.topic], "partitions": [place.partition], "offsets": [place.offset]}
        async with self.engine.begin() as connection:
            await connection.execute(_sql.RELEASED, spot)

    async def _handle(self, subject: str, place: Place) -> None:
        item: FactInput = read_fact(place, await self._record(place))
        item.released = True
        inputs: list[Input] = [item]
        outcome = await self.transactions.run(Batch(inputs))
        if outcome.parked:
            waiting = [each for each in await self.list(10_000) if each.place == place]
            reason = waiting[0].reason if waiting else "it was parked again"
            raise StillParked(f"{subject}: {item.type} at {place.topic}/{place.partition}/{place.offset}: {reason}")

    async def _record(self, place: Place) -> Record:
        async for records in self.log.read(
            Partition(place.topic, place.partition), place.offset, place.offset + 1, batch=1
        ):
            for record in records:
                return record
        message = f"the log no longer holds {place.topic}/{place.partition}/{place.offset}"
        raise LookupError(message)

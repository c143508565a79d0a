"""I10: when traffic rests, outboxes, tasks and lags drain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadway.eventlog import EventLog, Partition
from leadway.facts.codec import decode_data
from leadway.facts.delivery import EndpointChanged
from leadway.stage import Service
from leadway.verify._tables import snapshot
from leadway.verify._verdict import Findings, Verdict

_OUTBOX = text("""
SELECT count(*) FROM outbox AS o LEFT JOIN sent AS s USING (topic, partition) WHERE o.sequence > coalesce(s.sequence, 0)
""")
_COUNTED = text("SELECT coalesce(sum(sequence), 0) FROM counters")
_POSITIONS = text("SELECT topic, partition, position FROM positions")
_PARKED = text("SELECT count(*) FROM parked WHERE verdict IS NULL")
_TIMERS = text("""
SELECT count(*) FROM timers AS t WHERE t.due_at < clock_timestamp() AND NOT EXISTS (
  SELECT FROM subjects AS s WHERE s.subject = t.subject AND s.topic = 'lead-events' AND s.parked)
""")
_RUNNING = text("SELECT count(*) FROM leases WHERE name LIKE 'instance:%' AND until > clock_timestamp()")
# Messages that could be sent now: the head of a lead, at an endpoint that is in no trouble.
_MESSAGES = text("""
SELECT p.endpoint_id, count(*) AS n FROM pending AS p
LEFT JOIN turns AS t ON t.endpoint_id = p.endpoint_id AND t.subject = p.subject
WHERE p.head AND NOT EXISTS (SELECT FROM endpoint_health AS h WHERE h.endpoint_id = p.endpoint_id)
  AND (t.subject IS NULL OR t.number < p.number OR t.next_attempt_at <= clock_timestamp())
GROUP BY p.endpoint_id
""")
_ENDPOINTS = text(f"SELECT entity_id, document FROM catalogs WHERE kind = '{EndpointChanged.wire}'")  # noqa: S608 our own name
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a service has still to do. `counted`: how many facts it has decided in all."""

    service: str
    unsent: int = 0
    behind: int = 0
    timers: int = 0
    messages: int = 0
    parked: int = 0
    counted: int = 0
    running: int = 1

    @property
    def left(self) -> str:
        """What is left to do, in words; empty where nothing is."""
        parts = {
            "facts to send": self.unsent,
            "facts behind": self.behind,
            "timers overdue": self.timers,
            "messages that could be sent": self.messages,
        }
        told = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
        return told + (" and no instance runs" if told and not self.running else "")


@dataclass(frozen=True, slots=True)
class Look:
    """All backlogs, about at one time."""

    backlogs: Sequence[Backlog] = ()
    heads: Mapping[Partition, int] = field(default_factory=dict[Partition, int])

    @property
    def clear(self) -> bool:
        """Whether nothing is left to do."""
        return not any(each.left for each in self.backlogs)

    @property
    def decided(self) -> int:
        """How many facts there are, sent or not."""
        return sum(each.counted for each in self.backlogs)


@dataclass(frozen=True, slots=True)
class Settled:
    """How the wait ended."""

    last: Look
    seconds: float
    quiet: bool


def judge_drained(settled: Settled, seconds_max: float) -> Verdict:
    """I10, from how a wait of at most `seconds_max` ended."""
    found = Findings("I10", "with traffic at rest, outboxes, tasks and lags drain")
    found.looked_at |= {"services": len(settled.last.backlogs), "milliseconds": round(settled.seconds * 1000)}
    for each in settled.last.backlogs:
        if each.left:
            found.violated(f"{each.service}: {each.left} after {settled.seconds:.0f} s")
        if each.parked:
            found.look("parked", each.parked)
    if not settled.quiet and settled.last.clear:
        found.violated(f"facts are still being decided after {seconds_max:.0f} s: traffic does not rest")
    return found.verdict()


async def settle(
    database_url: str,
    log: EventLog,
    services: Iterable[Service],
    *,
    seconds_max: float,
    progress: Callable[[str], None] = lambda _: None,
) -> Settled:
    """Wait until two looks in a row find nothing to do and nothing new; at most `seconds_max`."""
    chosen = list(services)
    started = time.monotonic()
    before: Look | None = None
    while True:
        look = await _look(database_url, log, chosen)
        seconds = time.monotonic() - started
        nothing_new = before is not None and (before.heads, before.decided) == (look.heads, look.decided)
        if look.clear and before is not None and before.clear and nothing_new:
            return Settled(look, seconds, quiet=True)
        if seconds > seconds_max or _hopeless(look):
            return Settled(look, seconds, quiet=False)
        progress("; ".join(f"{each.service}: {each.left}" for each in look.backlogs if each.left) or "settling")
        before = look
        await asyncio.sleep(_LOOK_SECONDS)


def _hopeless(look: Look) -> bool:
    """Something is left, and nobody is there to do it."""
    left = [each for each in look.backlogs if each.left]
    return bool(left) and not any(each.running for each in look.backlogs)


async def _look(database_url: str, log: EventLog, services: Sequence[Service]) -> Look:
    seen: list[tuple[Backlog, Mapping[Partition, int] | None]] = []
    for service in services:
        async with snapshot(database_url, service.name) as connection:
            seen.append(await _of(connection, service))
    # The heads last: a position that is at the head then was there when it was read.
    heads = await log.heads()
    backlogs: list[Backlog] = []
    for backlog, positions in seen:
        behind = 0
        if positions is not None:
            behind = sum(max(head - positions.get(partition, 0), 0) for partition, head in heads.items())
        backlogs.append(replace(backlog, behind=behind))
    return Look(backlogs, heads)


async def _of(connection: AsyncConnection, service: Service) -> tuple[Backlog, Mapping[Partition, int] | None]:
    async def number(statement: Any) -> int:
        return int((await connection.execute(statement)).scalar_one())

    backlog = Backlog(
        service=service.name,
        unsent=await number(_OUTBOX),
        timers=await number(_TIMERS),
        messages=await _messages(connection) if service.name == "delivery" else 0,
        parked=await number(_PARKED),
        counted=await number(_COUNTED),
        running=await number(_RUNNING),
    )
    if not service.stage.foreign:
        return backlog, None
    rows = (await connection.execute(_POSITIONS)).all()
    return backlog, {Partition(row.topic, row.partition): row.position for row in rows}


async def _messages(connection: AsyncConnection) -> int:
    entries = (await connection.execute(_ENDPOINTS)).all()
    active = {row.entity_id for row in entries if _status(row.document) == "active"}
    rows = (await connection.execute(_MESSAGES)).all()
    return sum(row.n for row in rows if row.endpoint_id in active)


def _status(document: bytes) -> str:
    entry = decode_data(EndpointChanged.wire, document)
    return entry.status if isinstance(entry, EndpointChanged) else ""

"""Each service's tables: who works on them, how far they are behind, what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from leadway.cli._console import program
from leadway.cli._doctor._finding import Finding, fail, ok, warn
from leadway.cli._place import begun_by_up
from leadway.cli._reach import engine_of
from leadway.eventlog import EventLog, Partition
from leadway.hosting import Settings
from leadway.stage import Service, Stopped
from leadway.stage.runtime import check_term

_INSTANCES = text("SELECT count(*) FROM leases WHERE name LIKE 'instance:%' AND until > clock_timestamp()")
_PARKED = text("SELECT count(*) AS facts, count(DISTINCT subject) AS leads FROM parked WHERE verdict IS NULL")
_OUTBOX = text("""
SELECT count(*) FROM outbox AS o LEFT JOIN sent AS s USING (topic, partition) WHERE o.sequence > coalesce(s.sequence, 0)
""")
_POSITIONS = text("SELECT topic, partition, position FROM positions")
_LAG_MAX = 1_000
_OUTBOX_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Seen:
    instances: int
    parked: int
    parked_leads: int
    unsent: int
    behind: Mapping[Partition, int]


async def service(settings: Settings, one: Service, log: EventLog, heads: Mapping[Partition, int]) -> list[Finding]:
    """How a service stands. A stopped one is also asked whether it would start."""
    async with engine_of(settings, one.name) as engine:
        async with engine.connect() as connection:
            seen = await _look(connection, heads if one.stage.foreign else {})
        findings = [_work(one.name, seen, by_up=begun_by_up(settings))]
        if seen.instances == 0:
            findings += await _would_start(one.name, engine, log)
    if seen.parked:
        told = f"{seen.parked} facts of {seen.parked_leads} leads"
        findings.append(warn(f"{one.name} parked", told, f"`{program()} parked list` says why; then release, or drop"))
    return findings


async def _look(connection: AsyncConnection, heads: Mapping[Partition, int]) -> _Seen:
    parked = (await connection.execute(_PARKED)).one()
    rows = (await connection.execute(_POSITIONS)).all()
    positions = {Partition(row.topic, row.partition): int(row.position) for row in rows}
    behind = {partition: head - positions.get(partition, 0) for partition, head in heads.items()}
    return _Seen(
        instances=(await connection.execute(_INSTANCES)).scalar_one(),
        parked=parked.facts,
        parked_leads=parked.leads,
        unsent=(await connection.execute(_OUTBOX)).scalar_one(),
        behind={partition: lag for partition, lag in behind.items() if lag > 0},
    )


def _work(name: str, seen: _Seen, *, by_up: bool) -> Finding:
    lag = sum(seen.behind.values())
    where = max(seen.behind, key=lambda partition: seen.behind[partition], default=None)
    most = f" (most at {where.topic}/{where.number}: {seen.behind[where]:,})" if where and lag > _LAG_MAX else ""
    told = f"{seen.instances} running, {lag:,} facts behind{most}, {seen.unsent:,} to send"
    if seen.instances == 0:
        start = f"`{program()} serve {name}`"
        return warn(name, told, f"start it: `{program()} up`, or {start}" if by_up else f"start it: {start}")
    if lag > _LAG_MAX:
        return warn(name, told, "it catches up, or its process log says why not; a second instance shares the work")
    if seen.unsent > _OUTBOX_MAX:
        return warn(name, told, "the log does not take facts: is it reachable from the service?")
    return ok(name, told)


async def _would_start(name: str, engine: AsyncEngine, log: EventLog) -> list[Finding]:
    try:
        await check_term(name, engine, log)
    except Stopped as error:
        return [fail(f"{name} refuses to start", str(error), "database and log must belong together: restore one")]
    return []

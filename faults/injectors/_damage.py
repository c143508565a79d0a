"""Damage to what is stored: whoever finds it must stop loudly. Afterwards everything is put back as it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from faults.injectors._records import append
from faults.instances import STOPPED, Instance, last_words
from faults.world import PARTITIONS, World
from leadway.eventlog import NewRecord
from leadway.facts import LEAD_EVENTS
from leadway.hosting import service_names

_STOP_SECONDS_MAX = 60.0
_TAIL_SHARE = 3  # a third of each partition is lost
_INVARIANT = "I9"  # an older database, a shorter log, a number that leaves a gap: whoever meets it stops
_EMITTING = ("ingest", "scoring", "router", "sla-timer", "dealreg", "delivery")

Harm = Callable[[World, Random], Awaitable[Sequence[str]]]
"""Does the damage; the services that must find it. None of them runs meanwhile."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage."""

    name: str
    harm: Harm

    async def inflict(self, world: World, chance: Random) -> list[str]:
        """Do it on a system at rest, see who stops, and put everything back; who went on nevertheless."""
        copies = await _copy(world)
        world.receiver.away = True  # what is decided from here on will not have happened
        try:
            concerned = await self.harm(world, chance)
            instances = [await world.prepare(each) for each in concerned]
            found = await asyncio.gather(*[_stops(world, each) for each in instances])
            return [f"{_INVARIANT} {self.name}: {each}" for each in found if each]
        finally:
            await _put_back(world, copies)


async def _copy(world: World) -> Path:
    await world.stop_services()
    copies = world.folder / "copies"
    await world.postgres.stop()
    await world.postgres.copy_to(copies / "postgres")
    await world.postgres.start()
    if world.kafka is not None:
        await world.kafka.copy_to(copies / "kafka")
    return copies


async def _put_back(world: World, copies: Path) -> None:
    for store in (world.postgres, world.kafka):
        if store is not None:
            await store.kill()
            await store.put_back(copies / store.kind)
            await store.start()
    world.receiver.away = False
    await world.start_services()


async def _stops(world: World, instance: Instance) -> str | None:
    """Start the instance; None if it stops and says so, else what it did instead."""
    said: tuple[int, str] = 0, ""
    instance.start(world.supervisor.environment_of(instance))
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    try:
        while time.monotonic() < deadline:
            if not instance.alive:
                code = instance.process.returncode if instance.process else None
                return None if code == STOPPED else f"{instance.name} exited with {code}: {last_words(instance)}"
            said = await instance.health(world.client)
            if "stopped:" in said[1]:
                return None
            await asyncio.sleep(0.1)
        return f"{instance.name} goes on: {said[0]} {said[1][:200]}"
    finally:
        await instance.stop()
        await instance.proxy.close()


async def keep_older(world: World) -> None:
    """Keep a copy of every service's tables as they are now: the older one, later."""
    async with world.connection() as connection, connection.transaction():
        await connection.execute("DROP SCHEMA IF EXISTS older CASCADE; CREATE SCHEMA older")
        for service in _EMITTING:
            for table in await _tables(world, _schema(service)):
                await connection.execute(
                    f'CREATE TABLE older."{_schema(service)}.{table}" AS TABLE {_schema(service)}."{table}"'
                )


async def _tables(world: World, schema: str) -> list[str]:
    rows = await world.sql("SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema)
    return [row["tablename"] for row in rows]


def _schema(service: str) -> str:
    return service.replace("-", "_")


async def _older_database(world: World, chance: Random) -> Sequence[str]:
    """One service's database is put back to its older copy; the log knows more."""
    moved = [each for each in _EMITTING if await _said_since(world, _schema(each))]
    if not moved:
        return []
    service = chance.choice(moved)
    schema = _schema(service)
    async with world.connection() as connection, connection.transaction():
        for table in await _tables(world, schema):
            await connection.execute(f'TRUNCATE {schema}."{table}"')
            await connection.execute(f'INSERT INTO {schema}."{table}" SELECT * FROM older."{schema}.{table}"')
    return [service]


async def _said_since(world: World, schema: str) -> bool:
    rows = await world.sql(
        f"SELECT count(*) AS n FROM {schema}.counters AS c"
        f' LEFT JOIN older."{schema}.counters" AS o USING (topic, partition)'
        " WHERE c.sequence > coalesce(o.sequence, 0)"
    )
    return bool(rows[0]["n"])


async def _lost_tail(world: World, chance: Random) -> Sequence[str]:
    """The log loses the last third of each partition of leads, as after a power cut without a flush."""
    if world.kafka is None:
        async with world.connection() as connection, connection.transaction():
            await connection.execute(
                f"UPDATE log.heads SET next_offset = next_offset - next_offset / {_TAIL_SHARE} WHERE topic = $1",
                LEAD_EVENTS,
            )
            await connection.execute(
                "DELETE FROM log.records AS r USING log.heads AS h WHERE r.topic = h.topic"
                " AND r.partition = h.partition AND r.record_offset >= h.next_offset"
            )
    else:
        await world.kafka.kill()
        for number in range(PARTITIONS):
            await asyncio.to_thread(_cut_file, world.kafka.folder / "data" / f"{LEAD_EVENTS}-{number}")
        await world.kafka.start()
    return chance.sample(service_names(), 3)


def _cut_file(partition: Path) -> None:
    """Cut the end off a partition's last segment; the broker makes its indexes again."""
    segment = max(partition.glob("*.log"))
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size * (_TAIL_SHARE - 1) // _TAIL_SHARE)
    for pattern in ("*.index", "*.timeindex", "*.snapshot"):
        for each in partition.glob(pattern):
            each.unlink()


async def _forged(world: World, chance: Random) -> Sequence[str]:
    """Somebody writes a record under a service's name with a sequence that it will not have for years."""
    source = chance.choice(_EMITTING)
    headers = {
        "ce_id": b"fact_forged",
        "ce_type": b"lead.captured.v1",
        "ce_source": source.encode(),
        "ce_subject": b"lead_forged",
        "ce_sequence": b"1000000000",
    }
    await append(world, NewRecord(b"lead_forged", b"{}", headers), chance.randrange(PARTITIONS))
    others = [each for each in service_names() if each != source]
    return [source, *chance.sample(others, 2)]


DAMAGES = (
    Damage("database put back to an older copy", _older_database),
    Damage("log without its tail", _lost_tail),
    Damage("forged fact with a huge sequence", _forged),
)

"""Faults of what is written to the log: records that nobody can read, that come again, that are too large."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from random import Random

import httpx

from faults.injectors._registry import live
from faults.world import PARTITIONS, World
from leadway.eventlog import BatchTooLarge, EventLog, NewRecord, Partition, open_log, partition_of
from leadway.facts import LEAD_EVENTS
from leadway.facts.codec import pack_headers
from leadway.ids import draw

_BODY_BYTES = 300 * 1024  # above what a source may send


@contextlib.asynccontextmanager
async def log_of(world: World) -> AsyncGenerator[EventLog]:
    """The deployment's log, for somebody who should not write to it."""
    kafka = world.kafka.address if world.kafka else None
    log = open_log(database_url=world.database, kafka=kafka, partitions=PARTITIONS)
    await log.start()
    try:
        yield log
    finally:
        await log.close()


async def append(world: World, record: NewRecord, partition: int) -> None:
    """Write one record to lead-events."""
    async with log_of(world) as log:
        producer = await log.producer("faults")
        try:
            await producer.append(Partition(LEAD_EVENTS, partition), [record])
        finally:
            await producer.close()


@live("record without a readable envelope", 3)
async def unreadable(world: World, chance: Random) -> bool:
    headers = chance.choice([{}, {"ce_type": b"lead.captured.v1"}, {"ce_source": b"\xff", "ce_sequence": b"x"}])
    async with world.outage:
        await append(world, NewRecord(b"lead_?", chance.randbytes(40), headers), chance.randrange(PARTITIONS))
    return True


@live("record of an unknown source", 3)
async def unknown_source(world: World, chance: Random) -> bool:
    headers = {"ce_type": b"lead.captured.v1", "ce_source": b"stranger", "ce_sequence": b"1"}
    async with world.outage:
        await append(world, NewRecord(b"lead_x", b"{}", headers), chance.randrange(PARTITIONS))
    return True


@live("record sent once more", 5)
async def again(world: World, chance: Random) -> bool:
    async with world.outage, log_of(world) as log:
        partition = Partition(LEAD_EVENTS, chance.randrange(PARTITIONS))
        head = (await log.heads())[partition]
        if head == 0:
            return False
        async for records in log.read(partition, max(0, head - chance.randint(1, 50)), head, batch=1):
            first = records[0]
            record = NewRecord(first.key, first.value or b"", first.headers)
            producer = await log.producer("faults")
            try:
                await producer.append(partition, [record])
            finally:
                await producer.close()
            return True
    return False


@live("poison fact: of a release that nobody knows", 3)
async def later_release(world: World, _: Random) -> bool:
    """Scoring says something in a version that its readers do not know, about a lead of which nobody heard."""
    lead = draw("lead")
    partition = partition_of(lead.encode(), PARTITIONS)
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": draw("fact").encode(),
        "ce_type": b"lead.scored.v9",
        "ce_source": b"scoring",
        "ce_subject": lead.encode(),
        "ce_time": datetime.now(UTC).isoformat().encode(),
        "ce_cause": b"faults",
        "ce_correlation": b"faults",
        "ce_actor": b"service:scoring",
        "content-type": b"application/json",
    }
    value = json.dumps({"lead_id": lead, "shape": "of tomorrow"}).encode()
    async with world.outage:
        return await _say(world, partition, lead, headers, value)


async def _say(world: World, partition: int, lead: str, headers: dict[str, bytes], value: bytes) -> bool:
    """Put a fact into scoring's outbox, numbered as scoring numbers its own."""
    async with world.connection() as connection, connection.transaction():
        sequence = await connection.fetchval(
            "UPDATE scoring.counters SET sequence = sequence + 1 WHERE topic = $1 AND partition = $2"
            " RETURNING sequence",
            LEAD_EVENTS,
            partition,
        )
        if sequence is None:
            return False
        await connection.execute(
            "INSERT INTO scoring.outbox (topic, partition, sequence, key, value, headers) VALUES ($1,$2,$3,$4,$5,$6)",
            LEAD_EVENTS,
            partition,
            sequence,
            lead,
            value,
            pack_headers(headers),
        )
    return True


@live("record above the limit", 2)
async def too_large(world: World, chance: Random) -> bool:
    """Refused at each door: at the source's as a body, at the log's as a record."""
    body = {"person": {"email": "large@large.example"}, "fields": {"x": "y" * _BODY_BYTES}}
    base = await world.base("ingest")
    if base is None:
        return False
    with contextlib.suppress(httpx.HTTPError):
        url = f"{base}/ingest/v1/sources/{world.source[0]}/leads"
        answer = await world.client.post(url, json=body, headers={"X-Leadway-Key": world.source[1]})
        if answer.status_code not in {413, 503}:
            world.supervisor.unexpected.append(f"a body of {_BODY_BYTES} bytes was answered {answer.status_code}")
    async with world.outage, log_of(world) as log:
        producer = await log.producer("faults")
        value = b"x" * (log.batch_bytes_max + 1)
        try:
            await producer.append(Partition(LEAD_EVENTS, chance.randrange(PARTITIONS)), [NewRecord(b"k", value)])
        except BatchTooLarge:
            return True
        finally:
            await producer.close()
    world.supervisor.unexpected.append("the log took a record above its limit")
    return True

"""The log's append against raw asyncpg: unnest into the same table, in batches of the same size."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import msgspec
import uvloop

from bench._system import Scratch, plain
from bench._table import Line
from leadway.eventlog import NewRecord, Partition, PostgresLog

_BATCH = 500
_BATCHES = 60
_ROUNDS = 3
_INSERT = """
INSERT INTO log.records (topic, partition, record_offset, key, value, type, source, sequence, headers)
SELECT 'lead-events', $1, * FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::bigint[],
                                        $8::bytea[])
"""


def records(first: int) -> list[NewRecord]:
    """A batch as the relay makes them: a fact of 500 bytes with its envelope."""
    return [
        NewRecord(
            key=b"lead_01k3zq8v6mf8sbk0000%07d" % number,
            value=secrets.token_bytes(250).hex().encode(),
            headers={
                "ce_id": b"fact_01k3zq8v6mf8sbk0000%07d" % number,
                "ce_type": b"lead.captured.v1",
                "ce_source": b"ingest",
                "ce_subject": b"lead_01k3zq8v6mf8sbk0000%07d" % number,
                "ce_time": b"2026-11-01T12:00:00.000000+00:00",
                "ce_sequence": b"%d" % number,
                "ce_cause": b"req_01k3zq8v6mf8sbk0000%07d" % number,
                "ce_correlation": b"fact_01k3zq8v6mf8sbk0000%07d" % number,
                "ce_actor": b"source:src_01k3zq8v6mf8sbk00000000001",
                "ce_specversion": b"1.0",
                "content-type": b"application/json",
            },
        )
        for number in range(first, first + _BATCH)
    ]


async def _ours(log: PostgresLog, batches: list[list[NewRecord]]) -> float:
    producer = await log.producer("ingest")
    started = time.perf_counter()
    for batch in batches:
        await producer.append(Partition("lead-events", 0), batch)
    return time.perf_counter() - started


async def _raw(connection: Any, batches: list[list[NewRecord]], first: int) -> float:
    encode = msgspec.msgpack.Encoder().encode
    started = time.perf_counter()
    for batch in batches:
        columns = (
            list(range(first, first + len(batch))),
            [record.key for record in batch],
            [record.value for record in batch],
            ["lead.captured.v1"] * len(batch),
            ["ingest"] * len(batch),
            list(range(first, first + len(batch))),
            [encode(record.headers) for record in batch],
        )
        await connection.execute(_INSERT, 1, *columns)
        first += len(batch)
    return time.perf_counter() - started


async def _measure(url: str) -> list[Line]:
    log = PostgresLog(url, partitions=2)
    await log.start()
    connection = await plain(url)
    ours = raw = 0.0
    try:
        batches = [records(number * _BATCH) for number in range(_BATCHES)]
        await _ours(log, batches[:5])
        await _raw(connection, batches[:5], 0)
        for turn in range(1, _ROUNDS + 1):
            raw += await _raw(connection, batches, turn * _BATCH * _BATCHES)
            ours += await _ours(log, batches)
    finally:
        await connection.close()
        await log.close()
    total = _ROUNDS * _BATCHES * _BATCH
    return [Line("append", f"log append, batches of {_BATCH}", total / ours, "records/s", total / raw,
                 "raw asyncpg unnest", 0.8)]  # fmt: skip


def run() -> list[Line]:
    with Scratch() as scratch, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(scratch.database))

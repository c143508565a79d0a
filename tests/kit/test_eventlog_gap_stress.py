"""Offsets that are drawn before they are committed lose events; ours never do.

The widely copied reader ("everything after my last position" over a serial column) is kept here beside ours: it must
go on failing, or this test would no longer test anything.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from leadway.eventlog import NewRecord, Partition, PostgresLog

WRITERS = 12
APPENDS = 40
ROLLED_BACK = 0.15
LEADS = "lead-events"
PARTITIONS = 3
WHOLE = [Partition(LEADS, number) for number in range(PARTITIONS)]

driver: Any = asyncpg


async def connect(database: str) -> Any:
    return await driver.connect(database.replace("+asyncpg", ""))


class RolledBack(Exception):
    """The writer changes its mind."""


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Any]:
    opened = await connect(database)
    yield opened
    await opened.close()


async def test_the_naive_reader_over_a_serial_column_loses_a_late_commit(database: str, connection: Any) -> None:
    await connection.execute("CREATE TABLE naive (pos bigserial PRIMARY KEY, name text)")
    slow = await connect(database)
    late = slow.transaction()
    await late.start()
    await slow.execute("INSERT INTO naive (name) VALUES ('slow')")  # draws position 1 …
    await connection.execute("INSERT INTO naive (name) VALUES ('quick')")  # … and 2 is visible before it

    seen = [row["name"] for row in await connection.fetch("SELECT * FROM naive WHERE pos > 0 ORDER BY pos")]
    await late.commit()
    seen += [row["name"] for row in await connection.fetch("SELECT * FROM naive WHERE pos > 2 ORDER BY pos")]
    await slow.close()

    assert seen == ["quick"], "the naive reader is expected to lose the slow writer's event"
    assert await connection.fetchval("SELECT count(*) FROM naive") == 2


async def test_our_reader_waits_for_a_late_commit_where_it_matters(database: str, connection: Any) -> None:
    log = PostgresLog(database, partitions=PARTITIONS)
    await log.start()
    subscription = await log.subscribe("reader", [LEADS], types=None, positions=from_start)
    producer = await log.producer("quick")
    late = connection.transaction()
    await late.start()
    await raw_append(connection, WHOLE[0], b"slow")

    quick = asyncio.create_task(producer.append(WHOLE[0], [NewRecord(b"quick", b"")]))
    await producer.append(WHOLE[1], [NewRecord(b"elsewhere", b"")])  # other partitions do not wait
    assert [each.key async for batch in log.read(WHOLE[1], 0) for each in batch] == [b"elsewhere"]
    assert not quick.done()
    await late.commit()

    assert await quick == 1
    seen = await collect(subscription, 3)
    assert [key for partition, key in seen if partition == 0] == [b"slow", b"quick"]
    await subscription.close()
    await log.close()


async def test_twelve_writers_with_rollbacks_lose_and_double_nothing(database: str) -> None:
    log, elsewhere = PostgresLog(database, partitions=PARTITIONS), PostgresLog(database, partitions=PARTITIONS)
    await log.start()
    await elsewhere.start()
    subscriptions = [
        await each.subscribe(f"reader-{number}", [LEADS], types=None, positions=from_start)
        for number, each in enumerate((log, elsewhere))
    ]
    reading = [asyncio.create_task(collect(each, None)) for each in subscriptions]

    committed = await asyncio.gather(*(write(database, log, number) for number in range(WRITERS)))

    expected = sorted(key for keys in committed for key in keys)
    assert len(expected) < WRITERS * APPENDS, "some appends are expected to be rolled back"
    heads = await log.heads()
    assert sum(heads[partition] for partition in WHOLE) == len(expected)
    for subscription, task in zip(subscriptions, reading, strict=True):
        while any(subscription.next_offset(partition) < heads[partition] for partition in WHOLE):  # noqa: ASYNC110  # the reader is not told about it
            await asyncio.sleep(0.02)
        task.cancel()
        seen = await task
        assert sorted(key for _, key in seen) == expected
        for number in range(WRITERS):
            mine = [key for partition, key in seen if key.startswith(b"%02d-" % number) and partition == 0]
            assert mine == sorted(mine)
    for partition in WHOLE:
        offsets = [each.offset async for batch in log.read(partition, 0) for each in batch]
        assert offsets == list(range(heads[partition]))
    for subscription in subscriptions:
        await subscription.close()
    await log.close()
    await elsewhere.close()


async def write(database: str, log: PostgresLog, number: int) -> list[bytes]:
    """Append now through the log, now in a transaction of one's own that may be rolled back; the keys that count."""
    chance = random.Random(number)
    connection, producer, kept = await connect(database), await log.producer(f"writer-{number}"), list[bytes]()
    for turn in range(APPENDS):
        key, partition = b"%02d-%03d" % (number, turn), chance.choice(WHOLE)
        if chance.random() < 0.5:
            await producer.append(partition, [NewRecord(key, b"")])
            kept.append(key)
            continue
        with suppress(RolledBack):
            async with connection.transaction():
                await raw_append(connection, partition, key)
                await asyncio.sleep(chance.random() / 200)
                if chance.random() < 2 * ROLLED_BACK:
                    raise RolledBack
            kept.append(key)
    await connection.close()
    return kept


async def raw_append(connection: Any, partition: Partition, key: bytes) -> None:
    """The log's own append within a transaction that the caller ends."""
    await connection.execute(
        "SELECT log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, 'log_appended', 'somebody *')",
        *([partition.topic], [partition.number], [1], [key], [b""], [None], [None], [None], [b"\x80"]),
    )


async def from_start(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
    return {}


async def collect(subscription: Any, count: int | None) -> list[tuple[int, bytes]]:
    """Read (partition, key) until so many came, or until cancelled."""
    seen: list[tuple[int, bytes]] = []
    with suppress(asyncio.CancelledError):
        while count is None or len(seen) < count:
            found = await subscription.next(records_max=50, timeout_seconds=5)
            seen += [(each.partition, each.key) for batch in found.values() for each in batch]
    return seen

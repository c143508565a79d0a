"""What only the embedded log does: one tail for a process, its own group, its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.eventlog import LogLost, NewRecord, Partition, PostgresLog, Record, Subscription
from leadway.eventlog._postgres_group import share_of
from leadway.eventlog._tail import Tail

P = Partition("lead-events", 0)
driver: Any = asyncpg


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    opened = PostgresLog(database, partitions=2, tail_bytes_max=20_000)
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Any]:
    opened = await driver.connect(database.replace("+asyncpg", ""))
    yield opened
    await opened.close()


async def from_start(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
    return {}


def new(number: int, kind: bytes = b"lead.captured.v1") -> NewRecord:
    return NewRecord(b"lead", b"%d" % number, {"ce_type": kind})


def stored(start: int, stop: int) -> list[Record]:
    return [
        Record(P.topic, P.number, offset, b"k", b"v", {"ce_type": b"t%d" % offset}) for offset in range(start, stop)
    ]


async def offsets(subscription: Subscription, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        batches = await subscription.next(records_max=10_000, timeout_seconds=10)
        assert batches
        found += [each.offset for each in batches[P]]
    return found


async def until_lost(subscription: Subscription) -> None:
    while True:
        await subscription.next(records_max=10, timeout_seconds=5)


async def test_reading_goes_on_after_the_connections_were_cut(log: PostgresLog, connection: Any) -> None:
    subscription = await log.subscribe("reader", ["lead-events"], types=None, positions=from_start)
    producer = await log.producer("ingest")
    await producer.append(P, [new(0)])
    assert await offsets(subscription, 1) == [0]

    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    await asyncio.sleep(0.1)
    await producer.append(P, [new(1)])

    assert await offsets(subscription, 1) == [1]
    await subscription.close()


async def test_a_database_older_than_what_was_read_stops_every_reader(log: PostgresLog, connection: Any) -> None:
    subscription = await log.subscribe("reader", ["lead-events"], types=None, positions=from_start)
    producer = await log.producer("ingest")
    await producer.append(P, [new(number) for number in range(5)])
    await offsets(subscription, 5)

    await connection.execute("DELETE FROM log.records WHERE record_offset >= 3")
    await connection.execute("UPDATE log.heads SET next_offset = 3 WHERE next_offset > 3")

    with pytest.raises(LogLost, match="lead-events"):
        await until_lost(subscription)
    await subscription.close()


async def test_a_hole_in_the_records_stops_the_reader(log: PostgresLog, connection: Any) -> None:
    producer = await log.producer("ingest")
    await producer.append(P, [new(number) for number in range(5)])
    await connection.execute("DELETE FROM log.records WHERE record_offset = 2")
    subscription = await log.subscribe("reader", ["lead-events"], types=None, positions=from_start)
    with pytest.raises(LogLost, match="lacks offset 2"):
        await offsets(subscription, 5)
    await subscription.close()


async def test_values_of_unwanted_types_are_not_fetched(log: PostgresLog) -> None:
    producer = await log.producer("ingest")
    await producer.append(P, [new(0), new(1, b"lead.scored.v1")])
    subscription = await log.subscribe(
        "reader", ["lead-events"], types=frozenset({"lead.scored.v1"}), positions=from_start
    )
    found = (await subscription.next(records_max=10, timeout_seconds=5))[P]
    assert [each.value for each in found] == [None, b"1"]
    await subscription.close()


async def test_what_does_not_wake_its_reader_comes_with_what_does_or_a_little_later(log: PostgresLog) -> None:
    producer = await log.producer("ingest")
    subscription = await log.subscribe(
        "reader",
        ["lead-events"],
        types=frozenset({"lead.captured.v1", "lead.scored.v1"}),
        positions=from_start,
        waking=lambda: frozenset({"lead.scored.v1"}),
    )
    assert await subscription.next(records_max=10, timeout_seconds=0.1) == {}
    await producer.append(P, [new(0, b"lead.captured.v1")])
    assert await subscription.next(records_max=10, timeout_seconds=0.1) == {}, "it rests"
    await producer.append(P, [new(1, b"lead.scored.v1")])
    assert await offsets(subscription, 2) == [0, 1]
    await producer.append(P, [new(2, b"lead.captured.v1")])
    assert await subscription.next(records_max=10, timeout_seconds=0.1) == {}, "also just after it has read"
    assert await offsets(subscription, 1) == [2]
    await producer.append(P, [new(3, b"lead.captured.v1")])
    subscription.wake()
    assert await offsets(subscription, 1) == [3], "somebody asked for it"
    await subscription.close()


async def test_a_slow_reader_gets_from_the_database_what_left_the_memory(log: PostgresLog) -> None:
    subscription = await log.subscribe("reader", ["lead-events"], types=None, positions=from_start)
    producer = await log.producer("ingest")
    for start in range(0, 200, 10):
        await producer.append(P, [new(number) for number in range(start, start + 10)])
    assert await offsets(subscription, 200) == list(range(200))
    await subscription.close()


async def test_an_append_is_announced_once(log: PostgresLog, connection: Any) -> None:
    heard: list[str] = []

    def hear(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        heard.append(payload)

    await connection.add_listener("log_appended", hear)
    producer = await log.producer("ingest")
    await producer.append_many({P: [new(0), new(1, b"lead.scored.v1")], Partition("lead-events", 1): [new(2)]})
    await connection.fetch("SELECT 1")
    assert [payload.split(" ")[1] for payload in heard] == ["lead.captured.v1,lead.scored.v1"]


def test_the_tail_joins_batches_that_came_out_of_order() -> None:
    tail = Tail(1_000_000)
    tail.reset({P: 10})
    assert tail.offer(P, stored(12, 14)) == frozenset()
    assert tail.lacks(P)
    assert tail.offer(P, stored(10, 12)) == {b"t10", b"t11", b"t12", b"t13"}
    assert not tail.lacks(P)
    assert tail.offer(P, stored(11, 14)) == frozenset()
    assert [each.offset for each in tail.after(P, 11, 2)] == [11, 12]


@given(st.permutations(range(12)), st.integers(1_000, 12_000))
def test_the_tail_is_contiguous_whatever_the_order(order: Sequence[int], bytes_max: int) -> None:
    tail = Tail(bytes_max)
    tail.reset({P: 0})
    for number in order:
        tail.offer(P, stored(number * 2, number * 2 + 3))
        end = tail.ends()[P]
        first = next(offset for offset in range(end + 1) if tail.holds(P, offset))
        assert [each.offset for each in tail.after(P, first, 100)] == list(range(first, end))
        assert (end - first) * 900 <= bytes_max
    assert tail.ends()[P] == 25


@given(members=st.sets(st.text("abcdef", min_size=1), min_size=1, max_size=6), partitions=st.integers(1, 12))
def test_members_share_all_partitions_evenly(members: set[str], partitions: int) -> None:
    topics = ["lead-events", "catalog-events"]
    living = [(member, topics) for member in members]
    shares = [share_of(member, living, topics, partitions) for member in members]
    assert sum(map(len, shares)) == 2 * partitions == len({each for share in shares for each in share})
    assert max(map(len, shares)) - min(map(len, shares)) <= 2

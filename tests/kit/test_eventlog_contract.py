"""What every log must do, asked of each adapter in the same words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from leadway.eventlog import (
    BatchTooLarge,
    EventLog,
    KafkaLog,
    LogError,
    LogLost,
    NewRecord,
    Partition,
    PostgresLog,
    Record,
    Subscription,
    open_log,
)

PARTITIONS = 4
LEADS = "lead-events"
CATALOGS = "catalog-events"
FIRST = Partition(LEADS, 0)
EVERYWHERE = frozenset(Partition(topic, number) for topic in (LEADS, CATALOGS) for number in range(PARTITIONS))

Positions = Callable[[frozenset[Partition]], Awaitable[Mapping[Partition, int]]]


@dataclass
class Logs:
    """Opens logs (each as another process would) over the same records, and closes what a test leaves open."""

    kind: str
    address: str
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex[:8]}-")
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def make(self, **settings: Any) -> EventLog:
        settings = {"partitions": PARTITIONS, **settings}
        if self.kind == "kafka":
            return KafkaLog(self.address, topic_prefix=self.prefix, **settings)
        return PostgresLog(self.address, member_seconds=3.0, **settings)

    async def open(self, **settings: Any) -> EventLog:
        log = self.make(**settings)
        await log.start()
        self.stack.push_async_callback(log.close)
        return log

    async def subscribe(
        self,
        log: EventLog,
        group: str = "router",
        topics: Sequence[str] = (LEADS,),
        *,
        types: frozenset[str] | None = None,
        positions: Positions | None = None,
        gather_seconds: float = 0.0,
    ) -> Subscription:
        subscription = await log.subscribe(
            group, topics, types=types, positions=positions or from_start, gather_seconds=gather_seconds
        )
        self.stack.push_async_callback(subscription.close)
        return subscription

    async def append(self, log: EventLog, records: Sequence[NewRecord], partition: Partition = FIRST) -> int:
        producer = await log.producer("ingest")
        try:
            return await producer.append(partition, records)
        finally:
            await producer.close()

    async def trim(self, log: EventLog, partition: Partition, floor: int) -> None:
        if isinstance(log, PostgresLog):
            await log.trim(partition, floor)
            return
        admin: Any = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        place = TopicPartition(self.prefix + partition.topic, partition.number)
        await admin.delete_records({place: RecordsToDelete(floor)})
        await admin.close()


@pytest.fixture(params=["postgres", "kafka"])
def address(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param, request.getfixturevalue("kafka" if request.param == "kafka" else "database")


@pytest.fixture
async def logs(address: tuple[str, str]) -> AsyncIterator[Logs]:
    opened = Logs(*address)
    async with opened.stack:
        yield opened


async def from_start(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
    return {}


def record(number: int, kind: str = "lead.captured.v1", size: int = 10) -> NewRecord:
    headers = {"ce_type": kind.encode(), "ce_source": b"ingest", "ce_sequence": str(number).encode()}
    return NewRecord(f"lead_{number}".encode(), b"%d:" % number + b"x" * size, headers)


def records(start: int, stop: int, kind: str = "lead.captured.v1") -> list[NewRecord]:
    return [record(number, kind) for number in range(start, stop)]


def sequence(each: Record) -> int:
    return int(each.headers["ce_sequence"])


async def all_of(log: EventLog, partition: Partition = FIRST, start: int = 0) -> list[Record]:
    return [each async for batch in log.read(partition, start) for each in batch]


async def take(
    subscription: Subscription, count: int, *, records_max: int = 1000, seconds: float = 20.0
) -> dict[Partition, list[Record]]:
    """Read until so many records came; more than that, or none in time, is a failure."""
    found: dict[Partition, list[Record]] = {}
    deadline = time.monotonic() + seconds
    while (so_far := sum(map(len, found.values()))) < count:
        left = deadline - time.monotonic()
        assert left > 0, f"{so_far} of {count} records came in {seconds} s"
        batches = await subscription.next(records_max=records_max, timeout_seconds=left)
        for partition, batch in batches.items():
            assert batch
            found.setdefault(partition, []).extend(batch)
    assert sum(map(len, found.values())) == count
    return found


async def until(condition: Callable[[], bool], *subscriptions: Subscription, seconds: float = 20.0) -> None:
    """Let the subscriptions work (they settle their shares while they read) until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        for subscription in subscriptions:
            await subscription.next(records_max=100, timeout_seconds=0.05)


async def assigned_all(subscription: Subscription, partitions: frozenset[Partition]) -> None:
    await until(lambda: subscription.assigned() == partitions, subscription)


LEAD_PARTITIONS = frozenset(each for each in EVERYWHERE if each.topic == LEADS)


async def test_records_come_back_as_they_were_appended_in_order(logs: Logs) -> None:
    log = await logs.open()
    assert await logs.append(log, records(0, 5)) == 0
    assert await logs.append(log, records(5, 7)) == 5

    found = await all_of(log)

    assert [each.offset for each in found] == list(range(7))
    assert [(each.key, each.value) for each in found] == [(each.key, each.value) for each in records(0, 7)]
    assert found[3].headers == record(3).headers
    assert (found[3].topic, found[3].partition) == (LEADS, 0)


async def test_a_value_may_be_empty_and_hold_any_byte(logs: Logs) -> None:
    log = await logs.open()
    given = [NewRecord(b"k", b""), NewRecord(b"\x00\xff", bytes(range(256)), {"odd": b"\x00\xff"})]
    await logs.append(log, given)
    found = await all_of(log)
    assert [(each.key, each.value, each.headers) for each in found] == [
        (each.key, each.value, each.headers) for each in given
    ]


async def test_one_append_feeds_many_partitions(logs: Logs) -> None:
    log = await logs.open()
    producer = await log.producer("ingest")
    batches = {Partition(LEADS, 2): records(0, 3), Partition(CATALOGS, 1): records(3, 4), FIRST: records(4, 9)}

    firsts = await producer.append_many(batches)
    again = await producer.append_many(batches)
    await producer.close()

    assert firsts == dict.fromkeys(batches, 0)
    assert again == {partition: len(batch) for partition, batch in batches.items()}
    for partition, batch in batches.items():
        assert [each.key for each in await all_of(log, partition)] == [each.key for each in [*batch, *batch]]


async def test_concurrent_producers_leave_no_hole_and_keep_their_order(logs: Logs) -> None:
    log, other = await logs.open(), await logs.open()
    wanted = [FIRST, Partition(LEADS, 1), Partition(CATALOGS, 0)]

    async def produce(source: int, into: EventLog) -> None:
        producer = await into.producer(f"source-{source}")
        for turn in range(10):
            batch = [record(source * 1000 + turn * 3 + each) for each in range(3)]
            # Each begins with another partition: whoever locked them as they come would end in a deadlock.
            order = wanted[source % 3 :] + wanted[: source % 3]
            await producer.append_many(dict.fromkeys(order, batch))
        await producer.close()

    await asyncio.gather(*(produce(source, (log, other)[source % 2]) for source in range(6)))

    for partition in wanted:
        found = await all_of(log, partition)
        assert [each.offset for each in found] == list(range(180))
        for source in range(6):
            mine = [sequence(each) for each in found if sequence(each) // 1000 == source]
            assert mine == list(range(source * 1000, source * 1000 + 30))


async def test_a_reader_begins_where_its_service_saved(logs: Logs) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 10))
    await logs.append(log, records(10, 14), Partition(LEADS, 1))
    asked: list[frozenset[Partition]] = []

    async def positions(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        asked.append(partitions)
        return {FIRST: 7}

    subscription = await logs.subscribe(log, positions=positions)
    found = await take(subscription, 7)

    assert [each.offset for each in found[FIRST]] == [7, 8, 9]
    assert [each.offset for each in found[Partition(LEADS, 1)]] == [0, 1, 2, 3]
    assert frozenset().union(*asked) == LEAD_PARTITIONS
    assert subscription.assigned() == LEAD_PARTITIONS
    assert subscription.next_offset(FIRST) == 10
    assert subscription.next_offset(Partition(LEADS, 3)) == 0


async def test_a_reader_can_go_back_and_forth(logs: Logs) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 10))
    subscription = await logs.subscribe(log)
    await take(subscription, 10)

    await subscription.seek({FIRST: 4})
    assert [each.offset for each in (await take(subscription, 6))[FIRST]] == [4, 5, 6, 7, 8, 9]
    await subscription.seek({FIRST: 8, Partition("elsewhere", 0): 3})
    assert [each.offset for each in (await take(subscription, 2))[FIRST]] == [8, 9]
    await logs.append(log, records(10, 12))
    assert [each.offset for each in (await take(subscription, 2))[FIRST]] == [10, 11]


async def test_no_more_comes_at_once_than_was_asked_for(logs: Logs) -> None:
    log = await logs.open()
    for number in range(PARTITIONS):
        await logs.append(log, records(0, 20), Partition(LEADS, number))
    subscription = await logs.subscribe(log)
    sizes: list[int] = []
    seen: dict[Partition, list[int]] = {}
    while sum(sizes) < 20 * PARTITIONS:
        found = await subscription.next(records_max=7, timeout_seconds=10)
        sizes.append(sum(map(len, found.values())))
        for partition, batch in found.items():
            seen.setdefault(partition, []).extend(each.offset for each in batch)
    assert max(sizes) <= 7
    assert seen == {partition: list(range(20)) for partition in LEAD_PARTITIONS}


async def test_an_append_elsewhere_wakes_a_waiting_reader(logs: Logs) -> None:
    log, other = await logs.open(), await logs.open()
    subscription = await logs.subscribe(log)
    await assigned_all(subscription, LEAD_PARTITIONS)
    producer = await other.producer("ingest")

    waits: list[float] = []
    for number in range(5):
        waiting = asyncio.create_task(take(subscription, 1))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await producer.append(FIRST, [record(number)])
        await waiting
        waits.append(time.monotonic() - began)
    await producer.close()

    assert sorted(waits)[2] < 0.25


async def test_every_reader_of_a_process_gets_every_record_once(logs: Logs) -> None:
    log, other = await logs.open(), await logs.open()
    subscriptions = [await logs.subscribe(log, f"service-{number}") for number in range(4)]
    reading = [asyncio.create_task(take(each, 400)) for each in subscriptions]

    async def produce(into: EventLog, start: int) -> None:
        producer = await into.producer("ingest")
        for first in range(start, start + 200, 5):
            await producer.append(Partition(LEADS, first % 2), records(first, first + 5))
        await producer.close()

    await asyncio.gather(produce(log, 0), produce(other, 1000))
    for found in await asyncio.gather(*reading):
        for batch in found.values():
            assert [each.offset for each in batch] == list(range(len(batch)))


async def test_wake_ends_a_wait_at_once(logs: Logs) -> None:
    log = await logs.open()
    subscription = await logs.subscribe(log)
    await assigned_all(subscription, LEAD_PARTITIONS)
    waiting = asyncio.create_task(subscription.next(records_max=10, timeout_seconds=30))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    subscription.wake()
    assert await waiting == {}
    assert time.monotonic() - began < 0.5
    await logs.append(log, records(0, 1))
    await take(subscription, 1)


async def test_a_wait_that_was_cancelled_loses_nothing(logs: Logs) -> None:
    log = await logs.open()
    subscription = await logs.subscribe(log)
    await assigned_all(subscription, LEAD_PARTITIONS)
    for number in range(5):
        waiting = asyncio.create_task(subscription.next(records_max=10, timeout_seconds=30))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await logs.append(log, [record(number)])
        found = await take(subscription, 1)
        assert [each.offset for each in found[FIRST]] == [number]


async def test_nothing_new_is_an_empty_answer_after_the_time_given(logs: Logs) -> None:
    log = await logs.open()
    subscription = await logs.subscribe(log)
    await assigned_all(subscription, LEAD_PARTITIONS)
    began = time.monotonic()
    assert await subscription.next(records_max=10, timeout_seconds=0.3) == {}
    assert 0.25 < time.monotonic() - began < 2


async def test_unwanted_types_come_too_if_later(logs: Logs) -> None:
    log, other = await logs.open(), await logs.open()
    subscription = await logs.subscribe(log, types=frozenset({"lead.scored.v1"}))
    await assigned_all(subscription, LEAD_PARTITIONS)

    await logs.append(other, records(0, 2, "lead.touched.v1"))
    found = await take(subscription, 2, seconds=3)
    await logs.append(other, [*records(2, 3, "lead.touched.v1"), *records(3, 4, "lead.scored.v1")])
    found_next = await take(subscription, 2, seconds=3)

    assert [each.offset for each in found[FIRST] + found_next[FIRST]] == [0, 1, 2, 3]
    assert found_next[FIRST][1].value == record(3).value


async def test_a_reader_may_gather_for_a_moment(logs: Logs) -> None:
    log = await logs.open()
    subscription = await logs.subscribe(log, gather_seconds=0.4)
    await assigned_all(subscription, LEAD_PARTITIONS)
    waiting = asyncio.create_task(subscription.next(records_max=100, timeout_seconds=20))
    await asyncio.sleep(0.1)
    producer = await log.producer("ingest")
    for number in range(4):
        await producer.append(FIRST, [record(number)])
    await producer.close()
    assert [each.offset for each in (await waiting)[FIRST]] == [0, 1, 2, 3]


async def test_two_members_share_and_a_leaver_hands_back(logs: Logs) -> None:
    first_log, second_log = await logs.open(), await logs.open()
    saved: dict[Partition, int] = {}

    async def positions(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        return {partition: saved[partition] for partition in partitions if partition in saved}

    topics = (LEADS, CATALOGS)
    first = await logs.subscribe(first_log, topics=topics, positions=positions)
    await assigned_all(first, EVERYWHERE)
    for partition in EVERYWHERE:
        await logs.append(first_log, records(0, 3), partition)
    for partition, batch in (await take(first, 3 * len(EVERYWHERE))).items():
        saved[partition] = batch[-1].offset + 1

    second = await logs.subscribe(second_log, topics=topics, positions=positions)
    await until(lambda: _shared(first, second), first, second)
    for partition in EVERYWHERE:
        await logs.append(second_log, records(3, 5), partition)
    got = await asyncio.gather(take(first, 2 * len(first.assigned())), take(second, 2 * len(second.assigned())))
    for partition, batch in {**got[0], **got[1]}.items():
        assert [each.offset for each in batch] == [3, 4]
        saved[partition] = 5

    began = time.monotonic()
    await first.close()
    await assigned_all(second, EVERYWHERE)
    assert time.monotonic() - began < 5
    await logs.append(second_log, records(5, 6), FIRST)
    assert [each.offset for each in (await take(second, 1))[FIRST]] == [5]


def _shared(first: Subscription, second: Subscription) -> bool:
    mine, theirs = first.assigned(), second.assigned()
    return mine | theirs == EVERYWHERE and not mine & theirs and abs(len(mine) - len(theirs)) <= 1


async def test_two_groups_read_everything_each(logs: Logs) -> None:
    log = await logs.open()
    one, two = await logs.subscribe(log, "scoring"), await logs.subscribe(log, "delivery")
    await logs.append(log, records(0, 3))
    assert await take(one, 3) == await take(two, 3)


@pytest.mark.parametrize("offset", [11, 10_000])
async def test_a_position_beyond_the_head_stops_loudly(logs: Logs, offset: int) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 10))

    async def positions(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        return {FIRST: offset}

    subscription = await logs.subscribe(log, positions=positions)
    with pytest.raises(LogLost, match=LEADS):
        await until(lambda: False, subscription)


async def test_a_position_below_the_floor_stops_loudly(logs: Logs) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 10))
    await logs.trim(log, FIRST, 6)
    subscription = await logs.subscribe(log)

    with pytest.raises(LogLost, match=LEADS):
        await until(lambda: False, subscription)
    with pytest.raises(LogLost):
        await all_of(log, FIRST, 5)
    assert [each.offset for each in await all_of(log, FIRST, 6)] == [6, 7, 8, 9]
    assert (await log.floors())[FIRST] == 6


async def test_offsets_go_on_after_everything_was_trimmed(logs: Logs) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 4))
    await logs.trim(log, FIRST, 4)
    assert await logs.append(log, records(4, 5)) == 4
    assert (await log.floors())[FIRST] == 4
    assert (await log.heads())[FIRST] == 5


async def test_heads_and_floors_name_every_partition(logs: Logs) -> None:
    log = await logs.open()
    assert await log.heads() == dict.fromkeys(EVERYWHERE, 0)
    assert await log.floors() == dict.fromkeys(EVERYWHERE, 0)
    await logs.append(log, records(0, 3), Partition(CATALOGS, 2))
    assert await log.heads() == {**dict.fromkeys(EVERYWHERE, 0), Partition(CATALOGS, 2): 3}


async def test_a_range_is_read_in_batches_outside_any_group(logs: Logs) -> None:
    log = await logs.open()
    await logs.append(log, records(0, 25))
    batches = [[each.offset for each in batch] async for batch in log.read(FIRST, 3, 20, batch=10)]
    assert [offset for batch in batches for offset in batch] == list(range(3, 20))
    assert max(map(len, batches)) <= 10
    assert [batch async for batch in log.read(FIRST, 25)] == []
    assert [batch async for batch in log.read(FIRST, 5, 5)] == []
    assert len([each async for batch in log.read(FIRST, 20, 1000) for each in batch]) == 5
    with pytest.raises(LogLost):
        await all_of(log, FIRST, 26)


async def test_a_batch_over_the_limit_is_refused_whole(logs: Logs) -> None:
    log = await logs.open()
    producer = await log.producer("ingest")
    large = [record(0), record(1, size=log.batch_bytes_max)]
    with pytest.raises(BatchTooLarge):
        await producer.append_many({FIRST: large, Partition(LEADS, 1): records(0, 1)})
    assert await log.heads() == dict.fromkeys(EVERYWHERE, 0)

    # What its own reckoning lets through, the log takes.
    full = [record(number, size=1000) for number in range(log.batch_bytes_max // record(9_999, size=1000).size_bytes)]
    assert await producer.append(FIRST, full) == 0
    assert (await log.heads())[FIRST] == len(full)
    await producer.close()


async def test_starting_at_the_same_time_is_safe_and_repeatable(logs: Logs) -> None:
    opened = await asyncio.gather(*(logs.open() for _ in range(4)))
    assert await logs.append(opened[0], records(0, 2)) == 0
    assert len(await all_of(opened[3])) == 2
    assert len(await all_of(await logs.open())) == 2


async def test_another_number_of_partitions_is_refused(logs: Logs) -> None:
    await logs.open()
    with pytest.raises(LogLost, match=f"{PARTITIONS} partitions"):
        await logs.open(partitions=PARTITIONS + 2)


async def test_a_log_that_cannot_be_reached_says_so(address: tuple[str, str]) -> None:
    kind, _ = address
    log = open_log(
        database_url="postgresql://nobody@127.0.0.1:1/none", kafka="127.0.0.1:1" if kind == "kafka" else None
    )
    with pytest.raises(LogError):
        await log.start()
    await log.close()


async def test_topics_that_forget_are_refused_by_name(kafka: str) -> None:
    prefix = f"t{uuid4().hex[:8]}-"
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    forgetful = {"retention.ms": "604800000", "cleanup.policy": "compact"}
    await admin.create_topics([NewTopic(prefix + LEADS, 3, 1, topic_configs=forgetful)])
    await admin.close()

    log = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix)
    with pytest.raises(LogLost) as refused:
        await log.start()

    for fault in ("has 3 partitions, not 4", "retention.ms is 604800000, not -1", "cleanup.policy is compact"):
        assert fault in str(refused.value)
    await log.close()


async def test_the_smallest_limit_among_topics_is_the_batch_limit(kafka: str) -> None:
    prefix = f"t{uuid4().hex[:8]}-"
    small = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix, batch_bytes_max=50_000)
    await small.start()
    await small.close()
    log = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix)
    await log.start()
    assert log.batch_bytes_max == 50_000
    await log.close()


async def test_a_kafka_producer_that_was_interrupted_is_used_no_more(kafka: str) -> None:
    log = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=f"t{uuid4().hex[:8]}-")
    await log.start()
    producer = await log.producer("ingest")
    sending = asyncio.create_task(producer.append(FIRST, records(0, 2)))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    with pytest.raises(LogError, match="discard"):
        await producer.append(FIRST, records(2, 3))
    await producer.close()
    await log.close()

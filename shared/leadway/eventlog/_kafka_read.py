"""A group member's reading of Apache Kafka: Kafka assigns the partitions, the service knows the positions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from leadway.eventlog._kafka_produce import passing
from leadway.eventlog._port import LogLost, Partition, Record

Positions = Callable[[frozenset[Partition]], Awaitable[Mapping[Partition, int]]]

_SESSION_MS = 10_000
# The others learn of a member that came or went with their next heartbeat.
_HEARTBEAT_MS = 500
# A topic that a broker did not tell of yet, or partitions that moved, are found this soon (the client's own 5 minutes
# would leave a service without its share for so long).
_METADATA_MS = 5_000
_FETCH_BYTES_MAX = 8 * 1024 * 1024
_GRACE_SECONDS = 0.02


def make_consumer(client_options: Mapping[str, Any], group: str | None) -> Any:
    return AIOKafkaConsumer(
        **client_options,
        group_id=group,
        auto_offset_reset="none",
        enable_auto_commit=False,
        session_timeout_ms=_SESSION_MS,
        heartbeat_interval_ms=_HEARTBEAT_MS,
        fetch_max_bytes=_FETCH_BYTES_MAX,
        metadata_max_age_ms=_METADATA_MS,
    )


async def start_consumer(consumer: Any) -> None:
    """Start it, or stop what a failed start leaves behind."""
    try:
        with passing("connect to Kafka"):
            await consumer.start()
        # aiokafka's tasks must have begun: stopping one that has not raises CancelledError at whoever stops it.
        await asyncio.sleep(0)
    except BaseException:
        await consumer.stop()
        raise


def record_of(message: Any, topic: str) -> Record:
    return Record(
        topic, message.partition, message.offset, message.key or b"", message.value or b"", dict(message.headers)
    )


class KafkaSubscription(ConsumerRebalanceListener):
    """Asks for the positions of all that it was given after each rebalance, in the reader's own task.

    The listener only takes a note: it awaits nothing, so it can hold up neither heartbeats nor a reader.
    """

    def __init__(
        self,
        client_options: Mapping[str, Any],
        *,
        group: str,
        topics: Sequence[str],
        topic_prefix: str,
        positions: Positions,
        gather_seconds: float,
    ) -> None:
        self._consumer: Any = make_consumer(client_options, topic_prefix + group)
        self._topics = [topic_prefix + topic for topic in topics]
        self._prefix = topic_prefix
        self._positions = positions
        self._gather_seconds = gather_seconds
        self._given: frozenset[Partition] = frozenset()
        self._generation = 0
        self._settled = 0
        self._next: dict[Partition, int] = {}
        self._reading: asyncio.Task[Any] | None = None
        self._woken = False

    async def join(self) -> None:
        await start_consumer(self._consumer)
        self._consumer.subscribe(topics=self._topics, listener=self)

    async def next(self, *, records_max: int, timeout_seconds: float) -> Mapping[Partition, Sequence[Record]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while not self._woken:
            await self._settle()
            left = max(0.0, deadline - loop.time())
            if found := await self._read(records_max, left):
                return found
            if not left:
                break
        self._woken = False
        return {}

    async def seek(self, positions: Mapping[Partition, int]) -> None:
        for partition, offset in positions.items():
            if partition in self._next:
                self._seek(partition, offset)

    def assigned(self) -> frozenset[Partition]:
        return frozenset(self._next)

    def next_offset(self, partition: Partition) -> int:
        return self._next[partition]

    def wake(self) -> None:
        self._woken = True
        self._interrupt()

    async def close(self) -> None:
        self._next = {}
        with passing("leave the group"):
            await self._consumer.stop()

    # aiokafka awaits both where they are coroutines, though it does not say so in their types.
    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        revoked: Any,  # noqa: ARG002  # always all of them: aiokafka rebalances eagerly
    ) -> None:
        self._generation += 1
        self._given = frozenset()
        self._next = {}

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Any
    ) -> None:
        self._generation += 1
        self._given = frozenset(Partition(each.topic.removeprefix(self._prefix), each.partition) for each in assigned)
        self._interrupt()

    @property
    def _unsettled(self) -> bool:
        return self._generation != self._settled

    def _interrupt(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _settle(self) -> None:
        while self._unsettled:
            generation, given = self._generation, self._given
            positions: Mapping[Partition, int] = await self._positions(given) if given else {}
            if generation != self._generation:
                continue
            self._settled = generation
            for partition in given:
                self._seek(partition, positions.get(partition, 0))

    def _seek(self, partition: Partition, offset: int) -> None:
        try:
            self._consumer.seek(self._on_kafka(partition), offset)
        except IllegalStateError:  # taken away just now: the next rebalance's note says what is left
            self._next.pop(partition, None)
        else:
            self._next[partition] = offset

    async def _read(self, records_max: int, seconds: float) -> Mapping[Partition, Sequence[Record]]:
        found = await self._fetch(records_max, seconds)
        if found and self._gather_seconds and seconds:
            await self._gather(found, records_max - sum(map(len, found.values())))
        if self._unsettled:  # what was fetched belongs to the assignment before
            return {}
        records: dict[Partition, Sequence[Record]] = {}
        for each, messages in found.items():
            topic = each.topic.removeprefix(self._prefix)
            partition = Partition(topic, each.partition)
            if partition in self._next:
                records[partition] = [record_of(message, topic) for message in messages]
        await self._note_positions()
        return records

    async def _gather(self, found: dict[Any, Any], room: int) -> None:
        """Add what else comes within a moment, at most `room` records."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._gather_seconds
        while room > 0 and (left := end - loop.time()) > 0 and not (self._unsettled or self._woken):
            for each, messages in (await self._fetch(room, left)).items():
                found[each] = [*found.get(each, ()), *messages]
                room -= len(messages)

    async def _fetch(self, records_max: int, seconds: float) -> dict[Any, Any]:
        """Kafka's records by its own partitions; {} also when it was interrupted."""
        reading: asyncio.Task[Any] = asyncio.ensure_future(
            self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=records_max)
        )
        self._reading = reading
        try:
            # During a rebalance getmany waits for its end, whatever its timeout.
            await asyncio.wait([reading], timeout=seconds + _GRACE_SECONDS)
            if not reading.done():
                reading.cancel()
                await asyncio.wait([reading])
            return {} if reading.cancelled() else self._result(reading)
        finally:
            reading.cancel()
            self._reading = None

    def _result(self, reading: asyncio.Task[Any]) -> dict[Any, Any]:
        with passing("read records"):
            try:
                return reading.result()
            except OffsetOutOfRangeError as error:
                raise LogLost(
                    f"the log does not hold what was to be read: {error}; it or the saved position "
                    "comes from another time"
                ) from error
            except NoOffsetForPartitionError as error:
                # Between a rebalance and the first seek this means "not yet".
                if self._unsettled or not self._sought(error.args):
                    return {}
                raise LogLost(f"no position for {error} although it was set") from error

    def _sought(self, places: Sequence[Any]) -> bool:
        return any(
            Partition(each.topic.removeprefix(self._prefix), each.partition) in self._next
            for each in places
            if isinstance(each, TopicPartition)
        )

    async def _note_positions(self) -> None:
        """Remember where reading goes on: past control records, which carry offsets but never come as records."""
        for partition in list(self._next):
            if self._unsettled:  # asking for a position that nobody set yet would wait for one
                return
            try:
                position = await self._consumer.position(self._on_kafka(partition))
            except IllegalStateError:
                continue
            if partition in self._next:
                self._next[partition] = position

    def _on_kafka(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition.topic, partition.number)

"""The log on Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import OffsetOutOfRangeError

from leadway.eventlog._kafka_produce import KafkaProducer, passing
from leadway.eventlog._kafka_read import KafkaSubscription, Positions, make_consumer, record_of, start_consumer
from leadway.eventlog._kafka_topics import Topics
from leadway.eventlog._port import LogError, LogLost, Partition, Record
from leadway.eventlog._postgres import TOPICS
from leadway.eventlog._postgres_read import require_held

_READ_MS = 1_000


class KafkaLog:
    """EventLog on a Kafka cluster.

    `bootstrap`: host:port, several with commas. `topic_prefix`: put before topic and group names, so that deployments
    share a cluster. `batch_bytes_max`: what topics made here take in one batch; after `start` no more than what the
    existing ones take. `client_options`: what every client gets beside (security_protocol, sasl_…, ssl_context).
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        topics: Sequence[str] = TOPICS,
        partitions: int = 8,
        topic_prefix: str = "",
        batch_bytes_max: int = 1_000_000,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.partitions = partitions
        self.batch_bytes_max = batch_bytes_max
        self._topics = tuple(topics)
        self._prefix = topic_prefix
        self._options: dict[str, Any] = {"bootstrap_servers": bootstrap, **(client_options or {})}
        self._asking: Any = None

    async def start(self) -> None:
        """Connect; create or check the topics. Raises LogError (no cluster), LogLost (topics that must not be used)."""
        admin: Any = AIOKafkaAdminClient(**self._options)
        with passing("create or check the topics"):
            try:
                await admin.start()
                names = [self._prefix + topic for topic in self._topics]
                self.batch_bytes_max = await Topics(admin, names, self.partitions, self.batch_bytes_max).ensure()
            finally:
                await admin.close()
        self._asking = await self._started()

    async def close(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            await asking.stop()

    async def producer(self, source: str) -> KafkaProducer:
        producer = KafkaProducer(
            self._options, source=source, topic_prefix=self._prefix, batch_bytes_max=self.batch_bytes_max
        )
        await producer.start()
        return producer

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        types: frozenset[str] | None,  # noqa: ARG002  # Kafka sends every record with its value, and wakes for each
        positions: Positions,
        waking: Callable[[], frozenset[str]] | None = None,  # noqa: ARG002
        gather_seconds: float = 0.0,
    ) -> KafkaSubscription:
        if unknown := set(topics) - set(self._topics):
            raise ValueError(f"this log has no topic {', '.join(sorted(unknown))}")
        subscription = KafkaSubscription(
            self._options,
            group=group,
            topics=topics,
            topic_prefix=self._prefix,
            positions=positions,
            gather_seconds=gather_seconds,
        )
        await subscription.join()
        return subscription

    async def read(
        self, partition: Partition, start: int, stop: int | None = None, *, batch: int = 1000
    ) -> AsyncGenerator[Sequence[Record], None]:
        head, floor = (await self.heads())[partition], (await self.floors())[partition]
        require_held(partition, start, head=head, floor=floor)
        end = head if stop is None else min(stop, head)
        if start >= end:
            return
        consumer, place = await self._started(), self._on_kafka(partition)
        try:
            consumer.assign([place])
            consumer.seek(place, start)
            # The position, not the last record's offset: an end may be a control record, which never comes.
            while await consumer.position(place) < end:
                messages = await self._some(consumer, place, batch)
                if records := [record_of(each, partition.topic) for each in messages if each.offset < end]:
                    yield records
        finally:
            await consumer.stop()

    async def heads(self) -> Mapping[Partition, int]:
        with passing("read the heads"):
            return self._by_partition(await self._ready().end_offsets(self._places()))

    async def floors(self) -> Mapping[Partition, int]:
        with passing("read the floors"):
            return self._by_partition(await self._ready().beginning_offsets(self._places()))

    async def _some(self, consumer: Any, place: TopicPartition, batch: int) -> Sequence[Any]:
        with passing("read records"):
            try:
                return (await consumer.getmany(place, timeout_ms=_READ_MS, max_records=batch)).get(place, ())
            except OffsetOutOfRangeError as error:
                raise LogLost(f"{place} no longer holds what was to be read: {error}") from error

    async def _started(self) -> Any:
        consumer = make_consumer(self._options, None)
        await start_consumer(consumer)
        return consumer

    def _ready(self) -> Any:
        if self._asking is None:
            raise LogError("the log is not started, or closed already")
        return self._asking

    def _places(self) -> list[TopicPartition]:
        return [
            TopicPartition(self._prefix + topic, number) for topic in self._topics for number in range(self.partitions)
        ]

    def _by_partition(self, offsets: Mapping[TopicPartition, int]) -> Mapping[Partition, int]:
        return {
            Partition(place.topic.removeprefix(self._prefix), place.partition): offset
            for place, offset in offsets.items()
        }

    def _on_kafka(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition.topic, partition.number)

"""Appends to Apache Kafka: idempotent, whole batches, one in flight for each partition."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from leadway.eventlog._port import BatchTooLarge, LogError, NewRecord, Partition

# An append answers or fails within this; the producer's own repetitions happen inside it.
_REQUEST_MS = 20_000
_BATCH_HEADER_BYTES = 100


@contextmanager
def passing(doing: str) -> Generator[None]:
    """Turn what the client raises into LogError, saying what was being done."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogError(f"{doing}: {type(error).__name__}: {error}") from error


class KafkaProducer:
    """Appends for one source. After an error every append is refused: a new producer goes on where the log ends."""

    def __init__(
        self, client_options: Mapping[str, Any], *, source: str, topic_prefix: str, batch_bytes_max: int
    ) -> None:
        self.source = source
        self._prefix = topic_prefix
        self._bytes_max = batch_bytes_max
        self._busy: set[Partition] = set()
        self._failed = False
        self._client: Any = AIOKafkaProducer(
            **client_options,
            enable_idempotence=True,
            acks="all",
            max_batch_size=batch_bytes_max,
            max_request_size=batch_bytes_max,
            linger_ms=0,
            request_timeout_ms=_REQUEST_MS,
        )

    async def start(self) -> None:
        try:
            with passing("start a Kafka producer"):
                await self._client.start()
        except BaseException:
            await self.close()  # one whose start failed keeps its tasks otherwise
            raise

    async def append(self, partition: Partition, records: Sequence[NewRecord]) -> int:
        return (await self.append_many({partition: records}))[partition]

    async def append_many(self, batches: Mapping[Partition, Sequence[NewRecord]]) -> Mapping[Partition, int]:
        if self._failed:
            raise LogError("this Kafka producer failed before: discard it and make a new one")
        if busy := self._busy & batches.keys():
            raise RuntimeError(f"one batch at a time for each partition: {min(busy)} is still waiting for its last")
        built = [(partition, self._build(partition, records)) for partition, records in sorted(batches.items())]
        self._busy |= batches.keys()
        try:
            with passing("append"):
                sent = [asyncio.ensure_future(self._send(partition, batch)) for partition, batch in built]
                await asyncio.wait(sent)
                return {partition: answer.result() for (partition, _), answer in zip(built, sent, strict=True)}
        except BaseException:
            # Also when cancelled: what is on its way may arrive or not, and nothing may follow it from here.
            self._failed = True
            raise
        finally:
            self._busy -= batches.keys()

    async def close(self) -> None:
        with passing("stop a Kafka producer"):
            await self._client.stop()

    def _build(self, partition: Partition, records: Sequence[NewRecord]) -> Any:
        size = sum(record.size_bytes for record in records)
        if size > self._bytes_max:
            raise BatchTooLarge(f"a batch of {size} bytes for {partition} is over the limit of {self._bytes_max}")
        if not records:
            raise ValueError(f"nothing to append to {partition}")
        batch = self._client.create_batch()
        for record in records:
            headers = list(record.headers.items())
            if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is None:
                raise BatchTooLarge(f"a batch for {partition} is over the limit of {self._bytes_max} bytes")
        batch.close()
        return batch

    async def _send(self, partition: Partition, batch: Any) -> int:
        future = await self._client.send_batch(batch, self._prefix + partition.topic, partition=partition.number)
        return (await future).offset

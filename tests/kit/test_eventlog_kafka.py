"""What only the log on Apache Kafka has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import uuid4

from leadway.eventlog import KafkaLog, Partition

PARTITIONS = 2
LEADS = frozenset(Partition("lead-events", number) for number in range(PARTITIONS))


async def from_start(_: frozenset[Partition]) -> Mapping[Partition, int]:
    return {}


async def test_who_joins_before_the_topics_are_told_gets_its_share_soon_after(kafka: str) -> None:
    """A broker may tell of a topic later than the one that made it, and a group that was formed without it goes on."""
    prefix = f"t{uuid4().hex[:8]}-"
    early = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix)
    subscription = await early.subscribe("router", ["lead-events"], types=None, positions=from_start)
    late = KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix)
    try:
        assert await subscription.next(records_max=10, timeout_seconds=0.5) == {}
        assert subscription.assigned() == frozenset()
        await late.start()
        async with asyncio.timeout(30):
            while subscription.assigned() != LEADS:
                await subscription.next(records_max=10, timeout_seconds=0.1)
    finally:
        await subscription.close()
        await late.close()

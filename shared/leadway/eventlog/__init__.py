"""The append-only log behind one port: PostgreSQL (embedded, default) or Apache Kafka."""

from collections.abc import Sequence

from leadway.eventlog._hash import murmur2, partition_of
from leadway.eventlog._kafka import KafkaLog
from leadway.eventlog._port import (
    BatchTooLarge,
    EventLog,
    Headers,
    LogError,
    LogLost,
    NewRecord,
    Partition,
    Producer,
    Record,
    Subscription,
)
from leadway.eventlog._postgres import TOPICS, PostgresLog

__all__ = [
    "TOPICS",
    "BatchTooLarge",
    "EventLog",
    "Headers",
    "KafkaLog",
    "LogError",
    "LogLost",
    "NewRecord",
    "Partition",
    "PostgresLog",
    "Producer",
    "Record",
    "Subscription",
    "murmur2",
    "open_log",
    "partition_of",
]


def open_log(
    *,
    database_url: str,
    kafka: str | None = None,
    topics: Sequence[str] = TOPICS,
    partitions: int = 8,
    topic_prefix: str = "",
) -> EventLog:
    """The log that the settings name, not started: Kafka at the bootstrap address `kafka`, else PostgreSQL.

    `topic_prefix` keeps several deployments apart on one Kafka cluster; within a database the schema does that.
    """
    if kafka is not None:
        return KafkaLog(kafka, topics=topics, partitions=partitions, topic_prefix=topic_prefix)
    return PostgresLog(database_url, topics=topics, partitions=partitions)

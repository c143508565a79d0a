"""The embedded log: records in PostgreSQL, with dense offsets for each partition, committed in their order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from leadway.eventlog._port import LogLost, NewRecord, Partition, Record
from leadway.eventlog._postgres_connect import Connections
from leadway.eventlog._postgres_follow import Follower, announcement
from leadway.eventlog._postgres_group import Membership
from leadway.eventlog._postgres_read import Positions, PostgresSubscription, require_held
from leadway.eventlog._postgres_rows import appended, columns
from leadway.eventlog._postgres_sql import statements
from leadway.eventlog._tail import Tail

TOPICS = ("lead-events", "catalog-events")


class PostgresLog:
    """EventLog over a PostgreSQL database.

    `url`: the database, as SQLAlchemy or asyncpg write it. `schema`: where the log's tables are; they are made at the
    start where they are missing. `role`: what each connection acts as. `connections_max`: the pool's size; one more
    connection listens once something is subscribed. `tail_bytes_max`: the newest records, kept in memory once for all
    readers of this process. `member_seconds`: how long a member of a group counts as alive without a sign of life.
    """

    def __init__(
        self,
        url: str,
        *,
        topics: Sequence[str] = TOPICS,
        partitions: int = 8,
        schema: str = "log",
        role: str | None = None,
        connections_max: int = 6,
        batch_bytes_max: int = 4 * 1024 * 1024,
        tail_bytes_max: int = 32 * 1024 * 1024,
        member_seconds: float = 6.0,
    ) -> None:
        self.partitions = partitions
        self.batch_bytes_max = batch_bytes_max
        self._topics = tuple(topics)
        self._all = frozenset(Partition(topic, number) for topic in topics for number in range(partitions))
        self._channel = f"{schema}_appended"
        self._origin = uuid4().hex
        self._sql = statements(schema)
        self._connections = Connections(url, role, connections_max)
        self._membership = Membership(
            self._connections,
            self._sql,
            partitions=partitions,
            life_seconds=member_seconds,
            channel=schema,
            origin=self._origin,
        )
        self._follower = Follower(
            self._connections,
            self._sql,
            topics=self._topics,
            channel=schema,
            origin=self._origin,
            tail=Tail(tail_bytes_max),
            members_changed=self._membership.changed,
        )

    async def start(self) -> None:
        """Connect, and create what is missing. Raises LogLost where a topic has another number of partitions."""
        await self._connections.open()
        try:
            await self._prepare()
        except BaseException:
            await self._connections.close()
            raise

    async def close(self) -> None:
        await self._membership.close()
        await self._follower.close()
        await self._connections.close()

    async def producer(self, source: str) -> PostgresProducer:
        return PostgresProducer(self, source)

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        types: frozenset[str] | None,
        positions: Positions,
        waking: Callable[[], frozenset[str]] | None = None,
        gather_seconds: float = 0.0,
    ) -> PostgresSubscription:
        if unknown := set(topics) - set(self._topics):
            raise ValueError(f"this log has no topic {', '.join(sorted(unknown))}")
        await self._follower.start()
        subscription = PostgresSubscription(
            self._follower,
            self._membership,
            group=group,
            topics=topics,
            types=types,
            positions=positions,
            waking=waking,
            gather_seconds=gather_seconds,
        )
        await subscription.join()
        return subscription

    async def read(
        self, partition: Partition, start: int, stop: int | None = None, *, batch: int = 1000
    ) -> AsyncGenerator[Sequence[Record], None]:
        head, floor = (await self._follower.bounds())[partition]
        require_held(partition, start, head=head, floor=floor)
        end = head if stop is None else min(stop, head)
        while start < end:
            found = await self._follower.fetch({partition: start}, min(batch, end - start), None)
            records = found.get(partition)
            if not records:
                raise LogLost(f"{partition} no longer holds offset {start}")
            start += len(records)
            yield records

    async def heads(self) -> Mapping[Partition, int]:
        return {partition: head for partition, (head, _) in (await self._follower.bounds()).items()}

    async def floors(self) -> Mapping[Partition, int]:
        return {partition: floor for partition, (_, floor) in (await self._follower.bounds()).items()}

    async def trim(self, partition: Partition, floor: int) -> None:
        """Drop the records below `floor` for good (at most up to the head); offsets never begin again."""
        await self._connections.value("trim the log", self._sql.trim, partition.topic, partition.number, floor)

    async def append(self, batches: Mapping[Partition, Sequence[NewRecord]]) -> Mapping[Partition, int]:
        """One transaction for all batches, with one notification; the first offset of each."""
        given = sorted(batches.items())
        for partition, records in given:
            if partition not in self._all or not records:
                raise ValueError(f"nothing to append to, or not a partition of this log: {partition}")
        arguments, types = columns(given, self.batch_bytes_max)
        follower, epoch = self._follower, self._follower.tail.epoch
        firsts: list[int] = await self._connections.value(
            "append", self._sql.append, *arguments, self._channel, announcement(self._origin, types)
        )
        if follower.readers:
            for (partition, records), first in zip(given, firsts, strict=True):
                follower.appended(partition, appended(partition, records, first), epoch)
        return {partition: first for (partition, _), first in zip(given, firsts, strict=True)}

    async def _prepare(self) -> None:
        if not await self._connections.value("look for the log", self._sql.exists):
            await self._connections.in_transaction("create the log", self._create)
        await self._connections.in_transaction("create the topics", self._add_topics)
        counted = await self._connections.rows("count the partitions", self._sql.count_partitions, list(self._topics))
        for topic, count in counted:
            if count != self.partitions:
                raise LogLost(
                    f"topic {topic} has {count} partitions, the settings say {self.partitions}: a lead's facts would "
                    "move between partitions and lose their order; set the number that it was made with"
                )

    async def _create(self, connection: Any) -> None:
        # Several processes may start at once: the first one creates, the others wait and then find it there.
        await connection.execute(self._sql.lock_creation)
        await connection.execute(self._sql.create)

    async def _add_topics(self, connection: Any) -> None:
        await connection.execute(self._sql.lock_creation)
        await connection.execute(self._sql.add_partitions, list(self._topics), self.partitions)


class PostgresProducer:
    """Appends for one source."""

    def __init__(self, log: PostgresLog, source: str) -> None:
        self.source = source
        self._log = log

    async def append(self, partition: Partition, records: Sequence[NewRecord]) -> int:
        return (await self._log.append({partition: records}))[partition]

    async def append_many(self, batches: Mapping[Partition, Sequence[NewRecord]]) -> Mapping[Partition, int]:
        return await self._log.append(batches)

    async def close(self) -> None:
        """Nothing is kept: connections belong to the log."""

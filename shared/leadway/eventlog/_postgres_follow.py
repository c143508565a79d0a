"""Follows the embedded log's head for all readers of a process: one LISTEN, one fetch, one safety poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from leadway.eventlog._bell import Bell
from leadway.eventlog._port import LogError, LogLost, Partition, Record
from leadway.eventlog._postgres_connect import Connections, passing
from leadway.eventlog._postgres_rows import fetched
from leadway.eventlog._postgres_sql import Statements
from leadway.eventlog._tail import Tail

POLL_SECONDS_MIN = 0.05
POLL_SECONDS_MAX = 1.0
# How long records may wait that no reader of this process wants to be woken for.
LAZY_SECONDS = 0.9
_RECONNECT_SECONDS = (0.1, 2.0)
_CLOSE_SECONDS = 1.0
# Another process wrote more than this since the last look: readers fetch it themselves, as far as each of them is.
_CATCH_UP_RECORDS_MAX = 2_000
_ANY_TYPE = "*"


class Reader(Protocol):
    """What the follower tells about new records."""

    def notice(self, partition: Partition, types: frozenset[bytes] | None) -> None:
        """Records of these types (None: of whatever type) became readable."""
        ...

    def wants(self, types: frozenset[str]) -> bool: ...


class Follower:
    """Keeps the process's tail at the head of the log, and wakes readers."""

    def __init__(
        self,
        connections: Connections,
        sql: Statements,
        *,
        topics: Sequence[str],
        channel: str,
        origin: str,
        tail: Tail,
        members_changed: Callable[[str], None],
    ) -> None:
        self.tail = tail
        self.readers: set[Reader] = set()
        self.lost: LogLost | None = None
        self._connections = connections
        self._sql = sql
        self._topics = list(topics)
        self._channel = channel
        self._origin = origin
        self._members_changed = members_changed
        self._bell = Bell()
        self._lazy: asyncio.TimerHandle | None = None
        self._listening = False
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Begin to follow; the first reader of the process calls it."""
        async with self._starting:
            if self._tasks:
                return
            self.tail.reset({partition: head for partition, (head, _) in (await self.bounds()).items()})
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._follow())]

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._lazy is not None:
            self._lazy.cancel()

    async def bounds(self) -> Mapping[Partition, tuple[int, int]]:
        """For each partition its head and its floor."""
        rows = await self._connections.rows("read the heads", self._sql.heads, self._topics)
        return {Partition(topic, number): (head, floor) for topic, number, head, floor in rows}

    async def fetch(
        self, starts: Mapping[Partition, int], limit: int, types: Sequence[str] | None
    ) -> Mapping[Partition, list[Record]]:
        """At most `limit` records for each partition; values only of `types` (None: all)."""
        rows = await self._connections.rows(
            "read records",
            self._sql.fetch,
            [partition.topic for partition in starts],
            [partition.number for partition in starts],
            list(starts.values()),
            limit,
            types,
        )
        return fetched(starts, rows)

    def appended(self, partition: Partition, records: Sequence[Record], epoch: int) -> None:
        """An append of this process was acknowledged; `epoch` is the tail's when it was sent."""
        if epoch == self.tail.epoch:
            self._tell(partition, self.tail.offer(partition, records))
            if self.tail.lacks(partition):
                self._bell.ring()

    def look(self) -> None:
        """Look now for what other processes appended."""
        self._bell.ring()

    def _tell(self, partition: Partition, types: frozenset[bytes]) -> None:
        if types:
            for reader in self.readers:
                reader.notice(partition, types)

    async def _follow(self) -> None:
        pause = POLL_SECONDS_MAX
        while True:
            self._bell.clear()
            try:
                found = await self._advance()
            except LogError:
                found = False
            except LogLost as lost:
                self._stop(lost)
                return
            rung = await self._bell.wait(pause if self._listening else min(pause, POLL_SECONDS_MAX / 4))
            # What a poll found had not been announced: look more often until announcements work again.
            pause = max(POLL_SECONDS_MIN, pause / 4) if found and not rung else min(POLL_SECONDS_MAX, pause * 2)

    async def _advance(self) -> bool:
        """Read what the tail lacks; whether there was something."""
        epoch, ends = self.tail.epoch, self.tail.ends()
        starts: dict[Partition, int] = {}
        for partition, (head, _) in (await self.bounds()).items():
            end = ends[partition]
            if head < end:
                raise LogLost(
                    f"{partition} ends at {head}, but {end} was acknowledged: the database is older than that"
                )
            if head - end > _CATCH_UP_RECORDS_MAX:
                self.tail.skip(partition, head)
                for reader in self.readers:
                    reader.notice(partition, None)
            elif head > end:
                starts[partition] = end
        if starts:
            for partition, records in (await self.fetch(starts, _CATCH_UP_RECORDS_MAX, None)).items():
                self.appended(partition, records, epoch)
        return bool(starts)

    def _stop(self, lost: LogLost) -> None:
        self.lost = lost
        for reader in self.readers:
            for partition in self.tail.ends():
                reader.notice(partition, None)

    async def _listen(self) -> None:
        """Keep one connection that listens; after each loss of it, forget the tail and look again."""
        pause, longest = _RECONNECT_SECONDS
        while True:
            with suppress(LogError):
                await self._listen_once()
                pause = _RECONNECT_SECONDS[0]
            self._listening = False
            await asyncio.sleep(pause)
            pause = min(longest, pause * 2)

    async def _listen_once(self) -> None:
        ended = asyncio.Event()

        def ended_by(_connection: object) -> None:
            ended.set()

        with passing("listen to the log"):
            connection = await self._connections.connect()
        try:
            connection.add_termination_listener(ended_by)
            with passing("listen to the log"):
                await connection.add_listener(f"{self._channel}_appended", self._on_appended)
                await connection.add_listener(f"{self._channel}_members", self._on_members)
            await self._begin_again()
            self._listening = True
            await ended.wait()
        finally:
            with suppress(LogError), passing("stop listening"):
                await connection.close(timeout=_CLOSE_SECONDS)

    async def _begin_again(self) -> None:
        """A new connection may lead to another server: what was remembered of the old one no longer counts."""
        before = self.tail.ends()
        heads = {partition: head for partition, (head, _) in (await self.bounds()).items()}
        for partition, end in before.items():
            if heads[partition] < end:
                self._stop(LogLost(f"{partition} ends at {heads[partition]}, but offset {end - 1} was read before"))
                return
        self.tail.reset(heads)
        self._bell.ring()  # what was appended since the heads were read
        for reader in self.readers:
            for partition in heads:
                reader.notice(partition, None)

    def _on_appended(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        origin, _, types = payload.partition(" ")
        if origin == self._origin:
            return
        named = frozenset(types.split(","))
        if _ANY_TYPE in named or any(reader.wants(named) for reader in self.readers):
            self._bell.ring()
        elif self._lazy is None:
            self._lazy = asyncio.get_running_loop().call_later(LAZY_SECONDS, self._ring_lazily)

    def _ring_lazily(self) -> None:
        self._lazy = None
        self._bell.ring()

    def _on_members(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        origin, _, group = payload.partition(" ")
        if origin != self._origin:
            self._members_changed(group)


def announcement(origin: str, types: frozenset[str] | None) -> str:
    """The text of an append's notification: who appended, and which types (a bounded list)."""
    named = ",".join(sorted(types)) if types else _ANY_TYPE
    return f"{origin} {named if len(named) < _ANNOUNCED_CHARACTERS_MAX else _ANY_TYPE}"


# PostgreSQL takes 8,000 bytes.
_ANNOUNCED_CHARACTERS_MAX = 1_500

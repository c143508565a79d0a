"""Who reads what: the members of a group share the partitions by their rank among the living."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from leadway.eventlog._bell import Bell
from leadway.eventlog._port import LogError, Partition
from leadway.eventlog._postgres_connect import Connections
from leadway.eventlog._postgres_sql import Statements

_BEATS_PER_LIFE = 3
_BEATS_PER_CLEANING = 50


@dataclass(frozen=True, slots=True)
class Member:
    """One reader of this process; `took` is called with its share whenever that changes."""

    group: str
    name: str
    topics: tuple[str, ...]
    took: Callable[[frozenset[Partition]], None]


def share_of(
    name: str, members: Sequence[tuple[str, Sequence[str]]], topics: Sequence[str], partitions: int
) -> frozenset[Partition]:
    """The partitions of `name` among living `members` (name, topics): dealt out in turn, each topic beginning with
    another member, so that few partitions do not all fall to the first.
    """
    mine: set[Partition] = set()
    for turn, topic in enumerate(sorted(topics)):
        readers = sorted(member for member, read in members if topic in read)
        if name in readers:
            rank = (readers.index(name) - turn) % len(readers)
            mine.update(Partition(topic, number) for number in range(rank, partitions, len(readers)))
    return frozenset(mine)


class Membership:
    """The heartbeats of all members in this process, and their shares.

    It is no lock: for a moment two members may hold the same partition. The service's own saved positions are the
    fence; this only keeps the overlap rare and short.
    """

    def __init__(
        self,
        connections: Connections,
        sql: Statements,
        *,
        partitions: int,
        life_seconds: float,
        channel: str,
        origin: str,
    ) -> None:
        self._connections = connections
        self._sql = sql
        self._partitions = partitions
        self._life_seconds = life_seconds
        self._channel = f"{channel}_members"
        self._origin = origin
        self._members: dict[str, Member] = {}
        self._shares: dict[str, frozenset[Partition]] = {}
        self._bell = Bell()
        self._task: asyncio.Task[None] | None = None
        self._beats = 0

    async def join(self, member: Member) -> None:
        """Live from now on, with a first share; tells the others."""
        await self._beat(member)
        self._members[member.name] = member
        await self._deal()
        await self._announce(member.group)
        if self._task is None:
            self._task = asyncio.create_task(self._live())

    async def leave(self, member: Member) -> None:
        """Hand the share back at once."""
        if self._members.pop(member.name, None) is None:
            return
        self._shares.pop(member.name, None)
        with suppress(LogError):  # its life ends by itself then
            await self._connections.value("leave the group", self._sql.leave, member.group, member.name)
            await self._announce(member.group)
            await self._deal()

    async def close(self) -> None:
        for member in list(self._members.values()):
            await self.leave(member)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def changed(self, group: str) -> None:
        """Another process says that a member came or went."""
        if any(member.group == group for member in self._members.values()):
            self._bell.ring()

    async def _live(self) -> None:
        loop, pause = asyncio.get_running_loop(), self._life_seconds / _BEATS_PER_LIFE
        next_beat = loop.time() + pause
        while True:
            await self._bell.wait(next_beat - loop.time())
            self._bell.clear()
            with suppress(LogError):  # the next beat tries again; the readers meet the same error and report it
                if loop.time() >= next_beat:
                    next_beat = loop.time() + pause
                    for member in list(self._members.values()):
                        await self._beat(member)
                    await self._clean()
                await self._deal()

    async def _beat(self, member: Member) -> None:
        await self._connections.value(
            "keep up the membership", self._sql.beat, member.group, member.name, list(member.topics), self._life_seconds
        )

    async def _clean(self) -> None:
        self._beats += 1
        if self._beats % _BEATS_PER_CLEANING == 0:
            await self._connections.value("forget dead members", self._sql.forget)

    async def _announce(self, group: str) -> None:
        await self._connections.value("tell the group", self._sql.notify, self._channel, f"{self._origin} {group}")

    async def _deal(self) -> None:
        groups = sorted({member.group for member in self._members.values()})
        living: defaultdict[str, list[tuple[str, Sequence[str]]]] = defaultdict(list)
        for group, name, topics in await self._connections.rows("read the members", self._sql.members, groups):
            living[group].append((name, topics))
        for member in list(self._members.values()):
            share = share_of(member.name, living[member.group], member.topics, self._partitions)
            if share != self._shares.get(member.name):
                self._shares[member.name] = share
                member.took(share)

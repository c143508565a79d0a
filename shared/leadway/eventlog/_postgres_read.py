"""A group member's reading of the embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import uuid4

from leadway.eventlog._bell import Bell
from leadway.eventlog._port import LogLost, Partition, Record
from leadway.eventlog._postgres_follow import LAZY_SECONDS, Follower
from leadway.eventlog._postgres_group import Member, Membership

Positions = Callable[[frozenset[Partition]], Awaitable[Mapping[Partition, int]]]


class PostgresSubscription:
    """Reads the tail from memory, and what lies before it from the database."""

    def __init__(
        self,
        follower: Follower,
        membership: Membership,
        *,
        group: str,
        topics: Sequence[str],
        types: frozenset[str] | None,
        positions: Positions,
        waking: Callable[[], frozenset[str]] | None,
        gather_seconds: float,
    ) -> None:
        self._follower = follower
        self._membership = membership
        self._member = Member(group, f"{group}-{uuid4()}", tuple(topics), self._take)
        self._types = types
        self._waking = waking
        self._ringing: tuple[frozenset[str], frozenset[bytes]] = (frozenset(), frozenset())
        self._type_list = None if types is None else sorted(types)
        self._positions = positions
        self._gather_seconds = gather_seconds
        self._share: frozenset[Partition] = frozenset()
        self._next: dict[Partition, int] = {}
        # Partitions whose offset was set from outside and not yet compared with what the log holds.
        self._unchecked: set[Partition] = set()
        self._bell = Bell()
        self._woken = False
        self._rests = False  # all that there was has been read
        self._lazy: asyncio.TimerHandle | None = None
        self._turn = 0

    async def join(self) -> None:
        self._follower.readers.add(self)
        try:
            await self._membership.join(self._member)
        except BaseException:
            await self.close()
            raise

    async def next(self, *, records_max: int, timeout_seconds: float) -> Mapping[Partition, Sequence[Record]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while True:
            if self._follower.lost is not None:
                raise self._follower.lost
            # What did not ring is left until something does: its reader has better things to do at once.
            if self._bell.rung or not self._rests:
                self._bell.clear()
                self._rests = False
                await self._settle()
                found = await self._read(records_max)
                self._rests = self._is_at_the_end()
                if found:
                    return found
            if self._woken or not await self._bell.wait(deadline - loop.time()) or self._woken:
                self._woken = False
                return {}
            if self._gather_seconds:
                await asyncio.sleep(min(self._gather_seconds, max(0.0, deadline - loop.time())))

    async def seek(self, positions: Mapping[Partition, int]) -> None:
        for partition, offset in positions.items():
            if partition in self._next:
                self._next[partition] = offset
                self._unchecked.add(partition)
        self._rests = False

    def assigned(self) -> frozenset[Partition]:
        return frozenset(self._next)

    def next_offset(self, partition: Partition) -> int:
        return self._next[partition]

    def wake(self) -> None:
        self._woken = True
        self._follower.look()
        self._bell.ring()

    async def close(self) -> None:
        self._follower.readers.discard(self)
        if self._lazy is not None:
            self._lazy.cancel()
        self._share, self._next = frozenset(), {}
        await self._membership.leave(self._member)

    def notice(self, partition: Partition, types: frozenset[bytes] | None) -> None:
        """New records are readable: wake now if one of them is wanted, else before long."""
        if partition not in self._share:
            return
        if types is None or (ringing := self._ringing_types()) is None or not types.isdisjoint(ringing):
            self._bell.ring()
        elif self._lazy is None:
            self._lazy = asyncio.get_running_loop().call_later(LAZY_SECONDS, self._bell.ring)

    def wants(self, types: frozenset[str]) -> bool:
        wanted = self._types if self._waking is None else self._waking()
        return wanted is None or not types.isdisjoint(wanted)

    def _ringing_types(self) -> frozenset[bytes] | None:
        wanted = self._types if self._waking is None else self._waking()
        if wanted is not None and wanted is not self._ringing[0]:
            self._ringing = wanted, frozenset(kind.encode() for kind in wanted)
        return None if wanted is None else self._ringing[1]

    def _take(self, share: frozenset[Partition]) -> None:
        self._share = share
        self._bell.ring()

    async def _settle(self) -> None:
        """Bring the partitions that are read in line with the share, then check every offset that came from outside."""
        while gained := self._share - self._next.keys():
            positions = await self._positions(gained)
            for partition in gained & self._share:
                self._next[partition] = positions.get(partition, 0)
                self._unchecked.add(partition)
        for partition in self._next.keys() - self._share:
            del self._next[partition]
        self._unchecked &= self._next.keys()
        if self._unchecked:
            bounds = await self._follower.bounds()
            for partition in sorted(self._unchecked):
                head, floor = bounds[partition]
                require_held(partition, self._next[partition], head=head, floor=floor)
            self._unchecked.clear()

    async def _read(self, records_max: int) -> Mapping[Partition, Sequence[Record]]:
        if self._lazy is not None:
            self._lazy.cancel()
            self._lazy = None
        tail, found, room = self._follower.tail, dict[Partition, Sequence[Record]](), records_max
        behind = {each: start for each, start in self._next.items() if not tail.holds(each, start)}
        if behind:
            found.update(await self._read_behind(behind, records_max))
            room -= sum(map(len, found.values()))
        for partition in self._in_turn():
            start = self._next[partition]
            if room <= 0 or partition in behind or not tail.holds(partition, start):
                continue
            if records := tail.after(partition, start, room):
                found[partition] = records
                room -= len(records)
        for partition, records in found.items():
            self._next[partition] = records[-1].offset + 1
        return found

    async def _read_behind(
        self, behind: dict[Partition, int], records_max: int
    ) -> Mapping[Partition, Sequence[Record]]:
        # With more partitions than records asked for, some wait for the next call.
        chosen = dict(list(behind.items())[:records_max])
        self._next = {**{each: start for each, start in self._next.items() if each not in chosen}, **chosen}
        ends = self._follower.tail.ends()
        found = await self._follower.fetch(chosen, records_max // len(chosen), self._type_list)
        for partition, start in chosen.items():
            if partition not in found and start < ends[partition]:
                raise LogLost(f"{partition} no longer holds offset {start}")
            if start > ends[partition]:  # ahead of what this process knows of: or of what there is
                self._unchecked.add(partition)
        # A share that was lost while the database answered is not read any more.
        return {partition: records for partition, records in found.items() if partition in self._share}

    def _is_at_the_end(self) -> bool:
        ends = self._follower.tail.ends()
        return not self._unchecked and all(ends.get(each) == start for each, start in self._next.items())

    def _in_turn(self) -> Sequence[Partition]:
        """The partitions, beginning with another one each time, so that a full one does not starve the others."""
        partitions = list(self._next)
        self._turn = (self._turn + 1) % max(1, len(partitions))
        return partitions[self._turn :] + partitions[: self._turn]


def require_held(partition: Partition, offset: int, *, head: int, floor: int) -> None:
    """LogLost unless reading may go on from `offset`."""
    if not floor <= offset <= head:
        raise LogLost(
            f"{partition.topic} [{partition.number}] holds offsets {floor} up to {head}, not {offset}: "
            "the log or the saved position comes from another time"
        )

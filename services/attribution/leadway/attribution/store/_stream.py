"""The log as analysts read it: each fact once, each lead in order, no further than attribution itself has read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from leadway.attribution.policy import write_cursor
from leadway.eventlog import EventLog, Partition, Record, partition_of
from leadway.facts import LEAD_EVENTS, TOPICS
from leadway.stage import StageRuntime
from leadway.web import StreamItem

_BATCH: Final = 200
_FOLLOW_SECONDS: Final = 0.25
_POSITIONS: Final = "SELECT topic, partition, position FROM positions"
_RESENDS: Final = """
SELECT "offset" FROM resends
WHERE topic = :topic AND partition = :partition AND "offset" >= :start AND "offset" < :stop
"""
_NAMES: Final = ("id", "type", "source", "subject", "time", "cause", "correlation", "actor", "traceparent")

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts are wanted; None: all. `types`: with or without a version."""

    topics: tuple[str, ...] = TOPICS
    types: frozenset[str] | None = None
    lead: str | None = None
    since: datetime | None = None

    def partitions(self, count: int) -> list[Partition]:
        """The partitions where such facts can be."""
        if self.lead is not None:
            number = partition_of(self.lead.encode(), count)
            return [Partition(LEAD_EVENTS, number)] if LEAD_EVENTS in self.topics else []
        return [Partition(topic, number) for topic in self.topics for number in range(count)]

    def wants(self, headers: Mapping[str, bytes]) -> bool:
        """Whether a record, as its headers tell it, is wanted."""
        name = headers["ce_type"].decode()
        if self.types is not None and name not in self.types and name.rpartition(".v")[0] not in self.types:
            return False
        if self.lead is not None and headers["ce_subject"].decode() != self.lead:
            return False
        return self.since is None or datetime.fromisoformat(headers["ce_time"].decode()) >= self.since


async def facts(
    runtime: StageRuntime, log: EventLog, wanted: Filter, cursor: Mapping[Place, int], *, follow: bool
) -> AsyncGenerator[StreamItem]:
    """The wanted facts after `cursor`, up to attribution's position; `follow`: for ever. Holds one batch at a time."""
    places = dict(cursor)
    while True:
        positions = await _positions(runtime)
        for partition in wanted.partitions(log.partitions):
            place = (partition.topic, partition.number)
            stop = positions.get(place, 0)
            if places.get(place, 0) < stop:
                async for item in _of_partition(runtime, log, wanted, partition, places=places, stop=stop):
                    yield item
        if not follow:
            return
        await asyncio.sleep(_FOLLOW_SECONDS)


async def _of_partition(
    runtime: StageRuntime, log: EventLog, wanted: Filter, partition: Partition, *, places: dict[Place, int], stop: int
) -> AsyncGenerator[StreamItem]:
    place = (partition.topic, partition.number)
    async for records in log.read(partition, places.get(place, 0), stop, batch=_BATCH):
        if not records:
            continue
        resent = await _resends(runtime, partition, records[0].offset, records[-1].offset + 1)
        for record in records:
            places[place] = record.offset + 1
            item = None if record.offset in resent else _item(record, wanted, places)
            if item is not None:
                yield item
    places[place] = stop


def _item(record: Record, wanted: Filter, places: Mapping[Place, int]) -> StreamItem | None:
    try:
        if record.value is None or not wanted.wants(record.headers):
            return None
        envelope: dict[str, Any] = {
            name: raw.decode() for name in _NAMES if (raw := record.headers.get(f"ce_{name}")) is not None
        }
        envelope["sequence"] = int(record.headers["ce_sequence"])
        data: dict[str, msgspec.Raw] = msgspec.json.decode(record.value, type=dict[str, msgspec.Raw])
    except (KeyError, ValueError, msgspec.MsgspecError):
        # What cannot be read is parked where it is handled; it is no fact to anybody.
        return None
    # Nobody gets personal data here, whatever the role: streams are copied on.
    data.pop("personal", None)
    cursor = write_cursor(places)
    envelope |= {"topic": record.topic, "data": data, "cursor": cursor}
    return StreamItem(data=msgspec.json.encode(envelope), id=cursor, event=envelope["type"])


async def _positions(runtime: StageRuntime) -> dict[Place, int]:
    return {(row["topic"], row["partition"]): row["position"] for row in await runtime.query(_POSITIONS)}


async def _resends(runtime: StageRuntime, partition: Partition, start: int, stop: int) -> set[int]:
    rows = await runtime.query(_RESENDS, topic=partition.topic, partition=partition.number, start=start, stop=stop)
    return {row["offset"] for row in rows}

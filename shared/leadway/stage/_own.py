"""A service's own facts, met on the log, against its own counters: a database older than the log must not go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import Partition
from leadway.stage import _sql
from leadway.stage._inputs import Stamped
from leadway.stage._reading import Reading
from leadway.stage._refusals import Stopped


class OwnCounters:
    """The highest own number of each partition, as far as this instance knows; the database is asked past that."""

    def __init__(self, service: str, engine: AsyncEngine) -> None:
        self._service = service
        self._engine = engine
        self._known: dict[Partition, int] = {}

    def committed(self, facts: Sequence[Stamped]) -> None:
        """Take note of what this instance committed: nothing need be asked when these facts come by."""
        known = self._known
        for fact in facts:
            if fact.sequence > known.get(fact.partition, 0):
                known[fact.partition] = fact.sequence

    def forget(self) -> None:
        """Ask again (another database may be behind the same address)."""
        self._known.clear()

    async def check(self, readings: Mapping[Partition, Reading]) -> None:
        """Raises Stopped where an own fact is above what the own counters say."""
        if not self._above(readings):
            return
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_sql.COUNTERS)).all()
        self._known = {Partition(row.topic, row.partition): row.sequence for row in rows}
        if above := self._above(readings):
            raise Stopped(
                f"the log holds facts of {self._service} that its database does not know ({above[0]}): "
                "the database is older than the log. Bring a newer copy of it, or rebuild it from the log."
            )

    def _above(self, readings: Mapping[Partition, Reading]) -> list[Partition]:
        return [each for each, reading in readings.items() if reading.own_highest > self._known.get(each, 0)]

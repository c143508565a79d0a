"""Leases: rows with an instant, in the service's own database. Never session locks: those outlive a frozen process.

A successor first ends the predecessor's database connections: a frozen process keeps its row locks past every time-out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.stage import _sql

_log = structlog.get_logger("leadway.stage")
_AS_LOGIN = text("SET LOCAL ROLE NONE")


@dataclass(slots=True)
class Lease:
    """One named lease, sought by `holder` (the instance's name, which is also its connections' application name)."""

    engine: AsyncEngine
    name: str
    holder: str
    seconds: float = 6.0
    _until: float = field(default=0.0)
    _seen: str | None = None

    async def held(self) -> bool:
        """Whether this instance holds the lease, renewing it in time or taking it over when it is free."""
        now = time.monotonic()
        if now < self._until - self.seconds / 2:
            return True
        taken = await self._take()
        if taken and self._until == 0.0:
            _log.info("lease_taken", lease=self.name, holder=self.holder)
        self._until = now + self.seconds if taken else 0.0
        return taken

    async def _take(self) -> bool:
        async with self.engine.begin() as connection:
            row = (await connection.execute(_sql.LEASE_HOLDER, {"name": self.name})).one_or_none()
        if row is not None and row.holder != self.holder and row.over:
            await end_connections(self.engine, [row.holder])
        async with self.engine.begin() as connection:
            values = {"name": self.name, "holder": self.holder, "seconds": self.seconds}
            return (await connection.execute(_sql.TAKE_LEASE, values)).one_or_none() is not None

    async def give_back(self) -> None:
        """Let another instance take it at once."""
        self._until = 0.0
        async with self.engine.begin() as connection:
            await connection.execute(_sql.GIVE_LEASE, {"name": self.name, "holder": self.holder})


async def end_connections(engine: AsyncEngine, holders: list[str]) -> None:
    """End every database connection of these instances: what they hold locked is free then, what they began, undone."""
    try:
        async with engine.begin() as connection:
            await connection.execute(_AS_LOGIN)
            ended = (await connection.execute(_sql.STOP_BACKENDS, {"names": holders})).scalar_one()
    except DBAPIError:
        _log.warning("connections_not_ended", holders=holders, exc_info=True)
        return
    if ended:
        _log.warning("connections_ended", holders=holders, count=ended)


async def sweep_instances(engine: AsyncEngine, *, over_seconds: float) -> None:
    """End the connections of instances whose heartbeat stopped."""
    async with engine.begin() as connection:
        rows = (await connection.execute(_sql.EXPIRED_INSTANCES, {"seconds": over_seconds})).all()
    if rows:
        await end_connections(engine, [row.holder for row in rows])


async def count_instances(engine: AsyncEngine) -> int:
    """How many instances of this service live."""
    async with engine.connect() as connection:
        return (await connection.execute(_sql.LIVE_INSTANCES)).scalar_one()

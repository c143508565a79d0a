"""Rebuilding a service from the log: beside the live schema, compared with it, and put in its place if so wished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import EventLog
from leadway.stage import Service
from leadway.stage.runtime import FOLDED, Cut, create_views, cut_of, fold_log, hashes, unmoved, write

_MOVING = ("positions", "counters", "parked")  # what tells whether anything was done since the cut


class StillRunning(Exception):
    """An instance of the service is running: stop it before its tables are put in place of the old ones."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: per table the live and the rebuilt hash."""

    service: str
    live: Mapping[str, str]
    rebuilt: Mapping[str, str]
    facts: int
    fold_seconds: float
    seconds: float

    @property
    def same(self) -> bool:
        return self.live == self.rebuilt

    def differences(self) -> list[str]:
        """The tables whose hashes differ."""
        return sorted(name for name in {*self.live, *self.rebuilt} if self.live.get(name) != self.rebuilt.get(name))


async def rebuild(
    database_url: str,
    log: EventLog,
    service: Service,
    *,
    swap: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Rebuilt:
    """Fold the log into a scratch schema and compare; with `swap` put the result in place of the live tables.

    Raises StillRunning for a swap under a running instance, leadway.stage.Stopped where the log has a gap.
    """
    stage = service.stage
    started = time.monotonic()
    async with _schemas(database_url, service) as (live, beside):
        if swap:
            async with live.connect() as connection:
                await _require_stopped(connection, service)
        async with cut_of(live, stage) as (_, cut):
            pass
        folded = await fold_log(stage, log, cut, progress)
        fold_seconds = time.monotonic() - started
        async with beside.begin() as connection:
            await create_views(connection, stage)
            await write(connection, stage, folded, cut)
            rebuilt = await hashes(connection, stage)
        if swap:
            async with beside.begin() as connection:
                await _swap(connection, service, cut)
    return Rebuilt(service.name, cut.hashes, rebuilt, folded.facts, fold_seconds, time.monotonic() - started)


@contextlib.asynccontextmanager
async def _schemas(database_url: str, service: Service) -> AsyncGenerator[tuple[AsyncEngine, AsyncEngine]]:
    """The live schema and an empty one beside it, which is gone afterwards."""
    name, role, scratch = f"rebuild of {service.name}", role_of(service.name), _scratch_of(service)
    await _drop_schema(database_url, scratch)
    await migrate(database_url, service.name, None, schema=scratch)
    live = connect(database_url, schema=schema_of(service.name), role=role, pool_size=2, application_name=name)
    beside = connect(
        database_url, schema=scratch, role=role, pool_size=2, application_name=name,
        statement_timeout_ms=0, idle_in_transaction_timeout_ms=0,
    )  # fmt: skip
    try:
        yield live, beside
    finally:
        await live.dispose()
        await beside.dispose()
        await _drop_schema(database_url, scratch)


def _scratch_of(service: Service) -> str:
    return f"{schema_of(service.name)}_rebuild"


async def _require_stopped(connection: AsyncConnection, service: Service) -> None:
    alive = text(
        f"SELECT holder FROM {schema_of(service.name)}.leases "  # noqa: S608 a name of our own
        "WHERE name LIKE 'instance:%' AND until > clock_timestamp()"
    )
    if rows := (await connection.execute(alive)).all():
        raise StillRunning(f"{service.name} runs as {', '.join(row.holder for row in rows)}")


async def _drop_schema(database_url: str, schema: str) -> None:
    engine = connect(database_url, schema="public", pool_size=1)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    finally:
        await engine.dispose()


async def _swap(connection: AsyncConnection, service: Service, cut: Cut) -> None:
    """Rename in one transaction: the folded tables of the scratch schema become the live ones.

    Whoever starts meanwhile waits for its lease, and whoever worked since the cut is noticed.
    """
    schema, scratch = schema_of(service.name), _scratch_of(service)
    await connection.execute(text(f"LOCK TABLE {schema}.leases IN ACCESS EXCLUSIVE MODE"))
    await _require_stopped(connection, service)
    await connection.execute(text(f"SET LOCAL search_path TO {schema}"))
    # Whatever began before, under a lease that ran out or under none, has committed once these are locked.
    await connection.execute(text(f"LOCK TABLE {', '.join((*FOLDED, *_MOVING))} IN ACCESS EXCLUSIVE MODE"))
    if not await unmoved(connection, cut):
        raise StillRunning(f"{service.name} worked while it was rebuilt")
    revision = (await connection.execute(text("SELECT revision + 1 FROM catalog_revision"))).scalar_one()
    for table in (*FOLDED, *(view.table for view in service.stage.views)):
        await connection.execute(text(f"DROP TABLE IF EXISTS {schema}.{table}"))
        await connection.execute(text(f"ALTER TABLE {scratch}.{table} SET SCHEMA {schema}"))
    # An instance that was frozen meanwhile must see that what it remembers of the catalogs is of before.
    for table in ("catalogs", "catalog_revision"):
        renewed = text(f"UPDATE {table} SET revision = :revision")  # noqa: S608 one of our own two names
        await connection.execute(renewed, {"revision": revision})

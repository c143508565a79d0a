"""Rebuilding a service from the log: beside the live schema, compared with it, and put in its place if so wished."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import EventLog
from leadway.stage import Service
from leadway.stage.runtime import FOLDED, create_views, cut_of, fold_log, hashes, write


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
    schema, role, stage = schema_of(service.name), role_of(service.name), service.stage
    scratch = f"{schema}_rebuild"
    started = time.monotonic()
    live = connect(database_url, schema=schema, role=role, pool_size=2, application_name=f"rebuild of {service.name}")
    beside = connect(
        database_url, schema=scratch, role=role, pool_size=2, statement_timeout_ms=0, idle_in_transaction_timeout_ms=0,
        application_name=f"rebuild of {service.name}",
    )  # fmt: skip
    try:
        if swap:
            await _require_stopped(database_url, service)
        await _drop_schema(database_url, scratch)
        await migrate(database_url, service.name, None, schema=scratch)
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
                await _swap(connection, service, schema, scratch)
        await _drop_schema(database_url, scratch)
    finally:
        await live.dispose()
        await beside.dispose()
    return Rebuilt(service.name, cut.hashes, rebuilt, folded.facts, fold_seconds, time.monotonic() - started)


async def _require_stopped(database_url: str, service: Service) -> None:
    engine = connect(database_url, schema=schema_of(service.name), role=role_of(service.name), pool_size=1)
    try:
        async with engine.connect() as connection:
            alive = text("SELECT holder FROM leases WHERE name LIKE 'instance:%' AND until > clock_timestamp()")
            rows = (await connection.execute(alive)).all()
    finally:
        await engine.dispose()
    if rows:
        raise StillRunning(f"{service.name} runs as {', '.join(row.holder for row in rows)}")


async def _drop_schema(database_url: str, schema: str) -> None:
    engine = connect(database_url, schema="public", pool_size=1)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    finally:
        await engine.dispose()


async def _swap(connection: AsyncConnection, service: Service, schema: str, scratch: str) -> None:
    """Rename in one transaction: the folded tables of the scratch schema become the live ones."""
    for table in (*FOLDED, *(view.table for view in service.stage.views)):
        await connection.execute(text(f"DROP TABLE IF EXISTS {schema}.{table}"))
        await connection.execute(text(f"ALTER TABLE {scratch}.{table} SET SCHEMA {schema}"))

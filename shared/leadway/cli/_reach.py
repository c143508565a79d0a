"""A deployment's database and log, as commands beside it use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvloop
from asyncpg import PostgresError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.cli._backing import reached
from leadway.cli._console import STOPPED, Failed, Progress, progress
from leadway.cli._place import settings_of
from leadway.cli._trouble import database_trouble, log_trouble
from leadway.database import connect, role_of, schema_of
from leadway.eventlog import EventLog, LogError, LogLost, open_log
from leadway.hosting import Settings
from leadway.processes import spare_what_is_loaded
from leadway.stage import Service, Stopped
from leadway.telemetry import LogSettings, configure_logs

T = TypeVar("T")
_APPLICATION = "leadway command line"
_SCHEMAS = text("SELECT nspname FROM pg_namespace WHERE nspname = ANY(CAST(:names AS text[]))")


def beside(given: dict[str, Any], text_of_work: str, work: Callable[[Settings, Progress], Awaitable[T]]) -> T:
    """Do some work on a deployment's database and log, whether it runs or not. Raises Failed."""
    settings = settings_of(**given)
    configure_logs(LogSettings(level="WARNING", console_level="ERROR"))
    with progress(text_of_work) as tell, reached(settings, tell) as backed:
        tell(text_of_work)
        spare_what_is_loaded()

        async def working() -> T:
            return await work(backed, tell)

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(working())
        except (Stopped, LogLost) as error:
            raise Failed(str(error), code=STOPPED) from error
        except LogError as error:
            raise log_trouble(error, backed.kafka, backed.database_url) from error
        except (OSError, SQLAlchemyError, PostgresError) as error:
            raise database_trouble(error, backed.database_url) from error


@asynccontextmanager
async def opened_log(settings: Settings) -> AsyncGenerator[EventLog]:
    """The log that the settings name, started. Raises LogError, LogLost."""
    log = open_log(
        database_url=database_of(settings),
        kafka=settings.kafka,
        partitions=settings.partitions,
        topic_prefix=settings.topic_prefix,
    )
    try:
        await log.start()
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def engine_of(settings: Settings, service: str) -> AsyncGenerator[AsyncEngine]:
    """A service's own corner of the database."""
    engine = connect(
        database_of(settings),
        schema=schema_of(service),
        role=role_of(service),
        pool_size=2,
        application_name=_APPLICATION,
    )
    try:
        yield engine
    finally:
        await engine.dispose()


async def begun(settings: Settings, services: Iterable[Service]) -> list[Service]:
    """Those of the services that this database has tables of."""
    wanted = list(services)
    engine = connect(database_of(settings), schema="public", pool_size=1, application_name=_APPLICATION)
    try:
        async with engine.connect() as connection:
            names = [schema_of(service.name) for service in wanted]
            found = set((await connection.execute(_SCHEMAS, {"names": names})).scalars())
    finally:
        await engine.dispose()
    return [service for service in wanted if schema_of(service.name) in found]


def database_of(settings: Settings) -> str:
    """The database's address, which by now is known."""
    assert settings.database_url is not None  # noqa: S101 see leadway.cli._backing.reached
    return settings.database_url

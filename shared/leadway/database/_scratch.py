from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from leadway.database._engine import asyncpg_url

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@asynccontextmanager
async def scratch_database(url: str | URL, name: str) -> AsyncGenerator[str]:
    """Make the empty database `name` on the server of `url` (in place of one so named), give its URL, drop it after.

    Whoever is still connected to it at the end is thrown out.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a database's name is of lower-case letters, digits and _: {name!r}")
    server = asyncpg_url(url)
    await _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        await _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _execute(server: URL, *statements: str) -> None:
    engine = create_async_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()

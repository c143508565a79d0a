"""The embedded log's own connections: how they are opened, and what their errors mean to the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import asyncpg

from leadway.eventlog._port import LogError

# The log's queries are all walks along an index. A plan made while a table was empty would keep a sequential scan for
# the connection's life; planning each query anew would cost more than the query.
_SERVER_SETTINGS = {
    "application_name": "leadway log",
    "default_transaction_isolation": "read committed",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "statement_timeout": "60s",
    "tcp_keepalives_idle": "10",
}
_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 70.0

# The driver's own annotations leave most of its face unknown.
_driver: Any = asyncpg


@contextmanager
def passing(doing: str) -> Generator[None]:
    """Turn what the driver raises into LogError, saying what was being done."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise LogError(f"{doing}: {type(error).__name__}: {error}") from error


def _driver_url(url: str) -> str:
    """The URL without the driver that SQLAlchemy wants named in it."""
    scheme, separator, rest = url.partition("://")
    return scheme.partition("+")[0] + separator + rest


class Connections:
    """A small pool, and single connections that their owner keeps."""

    def __init__(self, url: str, role: str | None, connections_max: int) -> None:
        self._url = _driver_url(url)
        self._role = role
        self._max = connections_max
        self._pool: Any = None

    async def open(self) -> None:
        with passing("connect to the log's database"):
            self._pool = await _driver.create_pool(
                self._url,
                min_size=0,
                max_size=self._max,
                init=self._prepare,
                # Nothing is ever left on a connection, so the pool's own reset would be a round trip for nothing.
                reset=_leave,
                timeout=_CONNECT_SECONDS,
                command_timeout=_COMMAND_SECONDS,
                server_settings=_SERVER_SETTINGS,
            )

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def connect(self) -> Any:
        """A connection outside the pool (for LISTEN)."""
        connection = await _driver.connect(
            self._url, timeout=_CONNECT_SECONDS, command_timeout=_COMMAND_SECONDS, server_settings=_SERVER_SETTINGS
        )
        try:
            await self._prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def rows(self, doing: str, statement: str, *arguments: object) -> Sequence[Any]:
        with passing(doing):
            return cast("Sequence[Any]", await self._ready().fetch(statement, *arguments))

    async def value(self, doing: str, statement: str, *arguments: object) -> Any:
        with passing(doing):
            return await self._ready().fetchval(statement, *arguments)

    async def in_transaction(self, doing: str, work: Callable[[Any], Awaitable[None]]) -> None:
        with passing(doing):
            async with self._ready().acquire() as connection, connection.transaction():
                await work(connection)

    def _ready(self) -> Any:
        if self._pool is None:
            raise LogError("the log is not started, or closed already")
        return self._pool

    async def _prepare(self, connection: Any) -> None:
        if self._role is not None:
            await connection.execute("SELECT set_config('role', $1, false)", self._role)
        # What was acknowledged must survive a crash; `off` would take that back silently.
        await connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )


async def _leave(_connection: object) -> None:
    pass

"""A transaction straight on the driver, for the statements of every batch.

A batch is a dozen statements, and through SQLAlchemy each costs some five times what it costs here (83 µs of processor
time against 16 µs): with small batches that is most of the work. Pool, engine and statements stay SQLAlchemy's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy import TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_NAME = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_ROLLBACK_SECONDS_MAX = 5.0
_STALE_MAX = 100  # as many as a pool may hold
_OF_THE_DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Executes(Protocol):
    """What runs statements within a transaction: a `Direct`, or SQLAlchemy's own connection."""

    def execute(self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /) -> Awaitable[Any]:
        """Run one statement; the result has `all`, `one`, `one_or_none`, `scalar_one` and `mappings`."""
        ...


class Row(asyncpg.Record):
    """A row whose columns are attributes, as SQLAlchemy's are."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Rows:
    """What a statement found."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def all(self) -> list[Row]:
        return self._rows

    def mappings(self) -> Rows:
        return self

    def one(self) -> Row:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Row | None:
        return self.one() if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]


class Direct:
    """An open transaction on a pooled connection. Its errors are SQLAlchemy's: DBAPIError, without parameters."""

    def __init__(self, connection: AsyncConnection, driver: Any, transaction: Any) -> None:
        self._connection = connection
        self._driver = driver
        self._transaction = transaction

    async def execute(self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one statement with its named parameters."""
        sql, names = _positional(statement)
        values = [parameters[name] for name in names] if parameters else ()
        try:
            return Rows(await self._driver.fetch(sql, *values, record_class=Row))
        except _OF_THE_DRIVER as error:
            raise _translated(error, sql) from error

    async def commit(self) -> None:
        """Make it last. A connection on which that fails, or was cancelled, is closed: it may still be in its
        transaction, and the next one on it would be a part of that.
        """
        try:
            await self._transaction.commit()
        except BaseException as error:
            await self._connection.invalidate()
            if isinstance(error, _OF_THE_DRIVER):
                raise _translated(error, "COMMIT") from error
            raise

    async def rollback(self) -> None:
        """Undo it. A connection on which even that fails is closed, which undoes it too."""
        try:
            async with asyncio.timeout(_ROLLBACK_SECONDS_MAX):
                await self._transaction.rollback()
        except BaseException as error:
            await self._connection.invalidate()
            if not isinstance(error, (*_OF_THE_DRIVER, OSError)):
                raise


async def begin(connection: AsyncConnection) -> Direct:
    """Begin a transaction on a connection that was just taken from its pool."""
    driver = await _driver_of(connection)
    try:
        transaction = driver.transaction()
        await transaction.start()
    except _OF_THE_DRIVER as error:
        await connection.invalidate()
        raise _translated(error, "BEGIN") from error
    except BaseException:
        await connection.invalidate()
        raise
    return Direct(connection, driver, transaction)


async def alone(connection: AsyncConnection, statement: TextClause, parameters: Mapping[str, Any]) -> Rows:
    """Run one statement in a transaction of its own: one round trip, as the server commits it by itself."""
    driver = await _driver_of(connection)
    try:
        return await Direct(connection, driver, None).execute(statement, parameters)
    except BaseException:
        await connection.invalidate()
        raise


async def _driver_of(connection: AsyncConnection) -> Any:
    """The driver's connection. Those that the server closed while they were in the pool are passed over, and any that
    should still be in a transaction: one that begins there would not commit by itself.
    """
    driver = cast("Any", (await connection.get_raw_connection()).driver_connection)
    for _ in range(_STALE_MAX):
        if not driver.is_closed() and not driver.is_in_transaction():
            break
        await connection.invalidate()
        driver = cast("Any", (await connection.get_raw_connection()).driver_connection)
    return driver


def _translated(error: Exception, sql: str) -> DBAPIError:
    return DBAPIError(sql, None, error, hide_parameters=True)


def _positional(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """The statement as the driver takes it, `$1` for the first name, and the names in that order."""
    found = _known.get(statement.text)
    if found is None:
        names: dict[str, int] = {}
        sql = _NAME.sub(lambda match: f"${names.setdefault(match.group(1), len(names) + 1)}", statement.text)
        if len(_known) > _KNOWN_MAX:
            _known.clear()
        found = _known[statement.text] = sql, tuple(names)
    return found


_KNOWN_MAX = 1000
_known: dict[str, tuple[str, tuple[str, ...]]] = {}

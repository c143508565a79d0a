"""Telling trouble of the data from trouble of the surroundings, and learning what became of a lost COMMIT."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.decider import Refusal
from leadway.stage._inputs import RequestInput, settle
from leadway.stage._refusals import OutcomeUnknown, Unacceptable, Unavailable

EPOCH = datetime.fromtimestamp(0, UTC)
# Of the server's own timeline only: one that was promoted meanwhile may have given the number to another transaction.
_STATUS = text("""
SELECT CASE WHEN left(CAST(:xid AS text), 8) = left(pg_walfile_name(pg_current_wal_lsn()), 8)
  THEN pg_xact_status(CAST(substr(CAST(:xid AS text), 9) AS xid8)) ELSE 'another server' END
""")
_RESOLVE_SECONDS = 5.0
PASSING = (DBAPIError, NoConnectionFree, OSError)
"""What any look at the database may raise while it is away or has no connection left: back off and look again."""
_DATA_CLASSES = frozenset({"22", "23", "54"})  # 54: too long for an index, too many columns …
_PASSING_CLASSES = frozenset({"", "08", "25", "40", "53", "55", "57", "58"})  # "": the connection itself failed
_log = structlog.get_logger("leadway.stage")


class Surroundings(Exception):
    """The database could not do it now; nothing was committed, and the same may be tried again."""


class Aborted(Surroundings):
    """The answer to COMMIT was lost, and the transaction is known not to have committed."""


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE behind an error; empty where the connection itself failed."""
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    while cause is not None:
        code = getattr(cause, "sqlstate", None)
        if isinstance(code, str):
            return code
        cause = cause.__cause__
    return ""


def is_of_the_data(error: DBAPIError) -> bool:
    """Whether a value of one command or lead is at fault, not the surroundings."""
    return sqlstate(error)[:2] in _DATA_CLASSES or _is_unsendable(_driver_error(error))


def _driver_error(error: DBAPIError) -> BaseException | None:
    """What the driver raised, behind what SQLAlchemy makes of it."""
    said = error.orig
    return said if said is None or isinstance(said, asyncpg.PostgresError | asyncpg.InterfaceError) else said.__cause__


def _is_unsendable(error: BaseException | None) -> bool:
    """The driver itself refused a value before the database saw it (no SQLSTATE then): out of range, not UTF-8."""
    return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)


def is_lost(error: BaseException) -> bool:
    """Whether the connection broke, so that the outcome of what was sent on it is open."""
    return sqlstate(error)[:2] in {"", "08", "57"}


def surroundings(error: BaseException) -> Surroundings:
    """The error as one of the surroundings, saying its class and never its parameters."""
    state = sqlstate(error)
    return Surroundings(f"{type(error).__name__} {state}".strip())


@contextlib.asynccontextmanager
async def reaching_database() -> AsyncGenerator[None]:
    """A look at the database for somebody who waits: raises Unavailable where it is away, not what the driver says."""
    try:
        yield
    except PASSING as error:
        passing = not isinstance(error, DBAPIError) or sqlstate(error)[:2] in _PASSING_CLASSES
        if not passing or (isinstance(error, DBAPIError) and is_of_the_data(error)):
            raise
        raise Unavailable(f"The database does not answer ({surroundings(error)}).") from error


def reason(error: DBAPIError) -> str:
    """What kind of fault the database found; never its own words, which quote the value (it may be personal)."""
    driver = _driver_error(error)
    if _is_unsendable(driver):
        return "a value does not fit its column"
    return f"{sqlstate(error)} {type(driver or error).__name__}"


def told(error: Exception) -> str:
    """What an error may say where it is kept: its kind and place, never its text, which may quote somebody."""
    if isinstance(error, DBAPIError):
        return reason(error)
    if isinstance(error, Unacceptable):
        return f"{error.slug}: {error.detail}"
    if isinstance(error, Refusal):
        return f"refused: {error.slug}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def fail(item: RequestInput, error: Exception) -> None:
    """Answer one request with its problem."""
    settle(item.future, error)


async def resolve_commit(engine: AsyncEngine, xid: str) -> None:
    """After a lost answer to COMMIT: return if it committed. Raises Aborted or OutcomeUnknown.

    `xid`: the timeline in eight characters, and the transaction's number, as a batch's surroundings tell it.
    """
    deadline = asyncio.get_running_loop().time() + _RESOLVE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        try:
            async with engine.connect() as connection:
                status = (await connection.execute(_STATUS, {"xid": xid})).scalar_one_or_none()
        except (SQLAlchemyError, OSError) as error:
            _log.info("lost_commit_not_told", error=type(error).__name__, state=sqlstate(error))
            status = None
        if status == "committed":
            _log.info("lost_commit_resolved", outcome="committed")
            return
        if status == "aborted":
            raise Aborted("the transaction was rolled back")
        if status == "another server":
            raise OutcomeUnknown("another server answers than the one that was asked")
        await asyncio.sleep(0.1)
    raise OutcomeUnknown("the database did not say in time whether the request took effect")

"""Telling trouble of the data from trouble of the surroundings, and learning what became of a lost COMMIT."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.stage._inputs import RequestInput, settle
from leadway.stage._refusals import OutcomeUnknown

EPOCH = datetime.fromtimestamp(0, UTC)
_STATUS = text("SELECT pg_xact_status(CAST(:xid AS xid8))")
_RESOLVE_SECONDS = 5.0
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
    """Classes 22 and 23 belong to one command or lead, not to the surroundings."""
    return sqlstate(error)[:2] in {"22", "23"}


def is_lost(error: BaseException) -> bool:
    """Whether the connection broke, so that the outcome of what was sent on it is open."""
    return sqlstate(error)[:2] in {"", "08", "57"}


def surroundings(error: BaseException) -> Surroundings:
    """The error as one of the surroundings, saying its class and never its parameters."""
    state = sqlstate(error)
    return Surroundings(f"{type(error).__name__} {state}".strip())


def reason(error: DBAPIError) -> str:
    """What the database said, without the statement and its parameters (they may be personal)."""
    line = str(error.orig).partition("\n")[0]
    said = line.rpartition(">: ")[2] or type(error.orig).__name__
    return f"{sqlstate(error)} {said}"[:300]


def fail(item: RequestInput, error: Exception) -> None:
    """Answer one request with its problem."""
    settle(item.future, error)


async def resolve_commit(engine: AsyncEngine, xid: str) -> None:
    """After a lost answer to COMMIT: return if it committed. Raises Aborted or OutcomeUnknown."""
    deadline = asyncio.get_running_loop().time() + _RESOLVE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        try:
            async with engine.connect() as connection:
                status = (await connection.execute(_STATUS, {"xid": xid})).scalar_one_or_none()
        except (SQLAlchemyError, OSError):
            status = None
        if status == "committed":
            _log.info("lost_commit_resolved", outcome="committed")
            return
        if status == "aborted":
            raise Aborted("the transaction was rolled back")
        await asyncio.sleep(0.1)
    raise OutcomeUnknown("the database did not say in time whether the request took effect")

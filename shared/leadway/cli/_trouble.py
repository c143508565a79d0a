"""What a database or a log could not do, in words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy.engine import make_url

from leadway.cli._console import Failed

_UNREACHABLE = "is its address right, and does it run? (--database, LEADWAY_DATABASE_URL)"
_GRANTED = re.compile(r"grant role \"(\w+)\"")
_DOUBLED = re.compile(r"\b(\w+): \1: ")


def database_trouble(error: BaseException, url: str | None) -> Failed:
    """Why the database did not do what was asked of it: out of reach, the login refused, or a right missing."""
    told = reason_of(error)
    login, name = _login_and_name(url)
    match next(_states(error), ""):
        case "28P01" | "28000":
            remedy = "is the login's password right, and may it come from here? (--database, LEADWAY_DATABASE_URL)"
            return Failed(f"the database does not let {login} in: {told}", remedy)
        case "3D000":
            return Failed(f"there is no such database: {told}", f"make it: `CREATE DATABASE {name} OWNER {login}`")
        case "42501":
            return _missing_right(told, login, name)
        case _:
            return Failed(f"the database cannot be reached: {told}", _UNREACHABLE)


def _missing_right(told: str, login: str, name: str) -> Failed:
    """Which right a login lacks, and the statement that grants it."""
    if role := _GRANTED.search(told):
        remedy = f"another login made the services' roles; as a superuser, for each: `GRANT {role[1]} TO {login}`"
        return Failed(f"the login {login} may not act as a service: {told}", remedy)
    if "role" in told:
        remedy = f"each service acts as a role of its own; as a superuser: `ALTER ROLE {login} CREATEROLE`"
        return Failed(f"the login {login} may not create roles: {told}", remedy)
    if "database" in told:
        remedy = f"each service has a schema of its own; as its owner: `GRANT CREATE ON DATABASE {name} TO {login}`"
        return Failed(f"the login {login} may not create schemas: {told}", remedy)
    return Failed(f"the login {login} lacks a right: {told}", "grant it, or use the login that made the tables")


def log_trouble(error: BaseException, kafka: str | None, url: str | None) -> Failed:
    """Why the log did not do what was asked of it."""
    if kafka is None and next(_states(error), ""):
        return database_trouble(error, url)
    where = f"the log on Kafka at {kafka}" if kafka else "the log, and with it the database,"
    remedy = "is its address right, and does it run? (--kafka, LEADWAY_KAFKA)" if kafka else _UNREACHABLE
    return Failed(f"{where} cannot be reached: {once(str(error))}", remedy)


def reason_of(error: BaseException) -> str:
    """What a database's error says, without the statement and its parameters."""
    told = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return re.sub(r"^<class '[^']*'>: ", "", told) or type(error).__name__


def once(text: str) -> str:
    """A message without a name that it says twice: some errors begin with their own."""
    return _DOUBLED.sub(r"\1: ", text)


def _states(error: BaseException | None) -> Iterator[str]:
    """The SQLSTATEs of an error and of what it came from."""
    while error is not None:
        state = getattr(getattr(error, "orig", error), "sqlstate", None)
        if isinstance(state, str):
            yield state
        error = error.__cause__


def _login_and_name(url: str | None) -> tuple[str, str]:
    parsed = make_url(url) if url else None
    login = (parsed.username if parsed else None) or "LOGIN"
    return login, (parsed.database if parsed else None) or login

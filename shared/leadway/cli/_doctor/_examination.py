"""All checks in their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError

from leadway.cli._console import REFUSED, Failed, Progress, out, program
from leadway.cli._doctor._database import database
from leadway.cli._doctor._finding import Finding, fail, ok, warn
from leadway.cli._doctor._place import answering, folder, versions
from leadway.cli._doctor._services import service
from leadway.cli._key import OtherKey, key_fits, key_of
from leadway.cli._place import settings_of
from leadway.cli._reach import begun, beside, database_of, opened_log
from leadway.cli._serving import installed
from leadway.cli._trouble import database_trouble, once
from leadway.eventlog import LogError, LogLost
from leadway.hosting import Settings


def doctor(given: dict[str, Any]) -> None:
    """Print what was found. Raises Failed where something does not work."""
    findings: list[Finding] = []
    settings = settings_of(**given)
    _say(findings, [*versions(), *folder(settings)])
    try:
        _say(findings, beside(given, "looking", _examined))
    except Failed as failed:
        _say(findings, [fail("database and log", str(failed), failed.remedy)])
    wrong = [one for one in findings if one.level == "fail"]
    odd = [one for one in findings if one.level == "warn"]
    if wrong:
        raise Failed(f"{len(wrong)} of {len(findings)} checks failed, {_want(len(odd))} a look", code=REFUSED)
    out.print(f"\nNothing fails; {_want(len(odd))} a look." if odd else "\nAll is well.")


def _want(count: int) -> str:
    return "1 thing wants" if count == 1 else f"{count} things want"


def _say(findings: list[Finding], more: Iterable[Finding]) -> None:
    for one in more:
        findings.append(one)
        out.print(one.line, soft_wrap=True)


async def _key(settings: Settings) -> list[Finding]:
    """Whether the deployment's key is the one that the database was begun with."""
    try:
        key = key_of(settings)
    except Failed as failed:
        return [warn("deployment key", str(failed), failed.remedy)] if settings.deployment_key is None else []
    fits = await key_fits(database_of(settings), key)
    if fits is False:
        other = OtherKey()
        return [fail("deployment key", str(other), other.remedy)]
    return [ok("deployment key", "the one that the database was begun with")] if fits else []


async def _examined(settings: Settings, _: Progress) -> list[Finding]:
    try:
        findings = await database(settings)
    except (OSError, SQLAlchemyError, PostgresError) as error:
        trouble = database_trouble(error, settings.database_url)
        return [fail("database", str(trouble), trouble.remedy)]
    findings += await _key(settings)
    findings += await answering(settings)
    started = await begun(settings, installed())
    if not started:
        return [*findings, warn("services", "none has tables here", f"`{program()} up` makes them")]
    try:
        async with opened_log(settings) as log:
            heads = await log.heads()
            where = f"Kafka at {settings.kafka}" if settings.kafka else "PostgreSQL"
            findings.append(ok("log", f"{where}, {sum(heads.values()):,} records in {len(heads)} partitions"))
            for one in started:
                findings += await service(settings, one, log, heads)
    except (LogError, LogLost) as error:
        findings.append(fail("log", once(str(error)), "is its address right, and are its topics as Leadway made them?"))
    return findings

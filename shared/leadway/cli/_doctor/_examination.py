"""All checks in their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError

from leadway.cli._console import REFUSED, Failed, Progress, out
from leadway.cli._doctor._database import database
from leadway.cli._doctor._finding import Finding, fail, ok, warn
from leadway.cli._doctor._place import answering, folder, versions
from leadway.cli._doctor._services import service
from leadway.cli._place import settings_of
from leadway.cli._reach import begun, beside, opened_log, reason_of
from leadway.cli._serving import installed
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
        raise Failed(f"{len(wrong)} of {len(findings)} checks failed, {len(odd)} want a look", code=REFUSED)
    out.print(f"\nAll is well; {len(odd)} want a look." if odd else "\nAll is well.")


def _say(findings: list[Finding], more: Iterable[Finding]) -> None:
    for one in more:
        findings.append(one)
        out.print(one.line, soft_wrap=True)


async def _examined(settings: Settings, _: Progress) -> list[Finding]:
    try:
        findings = await database(settings)
    except (OSError, SQLAlchemyError, PostgresError) as error:
        remedy = "does it run, and is its address right? (--database, LEADWAY_DATABASE_URL)"
        return [fail("database", f"cannot be reached: {reason_of(error)}", remedy)]
    findings += await answering(settings)
    started = await begun(settings, installed())
    if not started:
        return [*findings, warn("services", "none has tables here", "`leadway up` makes them")]
    try:
        async with opened_log(settings) as log:
            heads = await log.heads()
            where = f"Kafka at {settings.kafka}" if settings.kafka else "PostgreSQL"
            findings.append(ok("log", f"{where}, {sum(heads.values()):,} records in {len(heads)} partitions"))
            for one in started:
                findings += await service(settings, one, log, heads)
    except (LogError, LogLost) as error:
        findings.append(fail("log", str(error), "is its address right, and are its topics as Leadway made them?"))
    return findings

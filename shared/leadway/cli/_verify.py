"""`leadway verify`: judge every invariant against the log, the databases and what clients were told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.markup import escape
from rich.table import Table

from leadway.cli._console import MISUSED, REFUSED, Failed, Progress, out, program
from leadway.cli._key import made_key_of
from leadway.cli._reach import begun, beside, database_of, opened_log
from leadway.cli._serving import installed
from leadway.hosting import Settings
from leadway.verify import BadRecord, Evidence, Reports, Verdict, Verified, ask_reports, read_received, read_record
from leadway.verify import verify as judge
from leadway.web import issue_token

_SHOWN_MAX = 10
_TOKEN_TTL = timedelta(minutes=10)


def verify(
    given: dict[str, Any],
    *,
    record: Path | None,
    received: Path | None,
    complete: bool,
    settle: float,
    as_json: bool,
    url: str | None,
) -> None:
    """Print every verdict. Raises Failed: code 1 where something does not hold, 2 where it could not be looked at."""
    evidence = _evidence(record, received, complete=complete)

    async def work(settings: Settings, tell: Progress) -> Verified:
        chosen = await begun(settings, installed())
        if not chosen:
            raise Failed("no service has tables here", f"`{program()} up` makes them")
        async with opened_log(settings) as log:
            return await judge(
                database_of(settings),
                log,
                chosen,
                evidence=evidence,
                reports=_reports(settings, url),
                settle_seconds=settle,
                progress=tell,
            )

    try:
        verified = beside(given, "waiting until everything is done", work)
    except Failed as failed:
        raise Failed(str(failed), failed.remedy, code=MISUSED) from failed
    if as_json:
        out.print(_json(verified), soft_wrap=True, markup=False)
    else:
        _print(verified)
    if not verified.holds:
        broken = ", ".join(each.invariant for each in verified.verdicts if not each.holds)
        raise Failed(f"{broken}: violated", _remedy(verified), code=REFUSED)


def _evidence(record: Path | None, received: Path | None, *, complete: bool) -> Evidence:
    try:
        if received:
            read_received(received)  # what cannot be read is said before anything is waited for
        return Evidence(
            operations=read_record(record) if record else None,
            received=partial(read_received, received) if received else None,
            complete=complete,
        )
    except (BadRecord, OSError) as error:
        raise Failed(str(error), code=MISUSED) from error


def _reports(settings: Settings, url: str | None) -> Reports | None:
    base = url or settings.base_url
    if base is None:
        return None
    token = issue_token(made_key_of(settings), role="analyst", subject="leadway verify", ttl=_TOKEN_TTL)
    return lambda: ask_reports(base, token)


def _print(verified: Verified) -> None:
    table = Table(box=None, padding=(0, 2))
    for column in ("", "invariant", "looked at", "verdict"):
        table.add_column(column, overflow="fold")
    for each in verified.verdicts:
        table.add_row(each.invariant, each.title, _counts(each), _verdict(each))
    out.print(table)
    for each in verified.verdicts:
        for evidence in each.violations[:_SHOWN_MAX]:
            out.print(f"[red]{each.invariant}[/]  {escape(evidence)}", soft_wrap=True)
        if each.count > _SHOWN_MAX:
            out.print(f"[red]{each.invariant}[/]  and {each.count - _SHOWN_MAX:,} more", soft_wrap=True)
        if each.note:
            out.print(f"[dim]{each.invariant}  {escape(each.note)}[/]", soft_wrap=True)
    out.print(f"\n{verified.facts:,} facts judged in {verified.seconds:.1f} s. {_summary(verified.verdicts)}")


def _summary(verdicts: Sequence[Verdict]) -> str:
    broken = sum(not each.holds for each in verdicts)
    if broken:
        return f"{broken} of {len(verdicts)} invariants do not hold."
    limited = [each.invariant for each in verdicts if each.note]
    beside = f", as far as it could be looked at ({', '.join(limited)}: see above)" if limited else ""
    return f"All {len(verdicts)} invariants hold{beside}."


def _remedy(verified: Verified) -> str:
    idle = any("no instance runs" in evidence for each in verified.verdicts for evidence in each.violations)
    if not idle:
        return ""
    start = f"`{program()} up`, or `{program()} serve SERVICE`"
    return f"what is left to do waits for a service that does not run: start it by {start}, then ask again"


def _counts(verdict: Verdict) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in verdict.looked_at.items())


def _verdict(verdict: Verdict) -> str:
    return "[green]holds[/]" if verdict.holds else f"[red]{verdict.count:,} violations[/]"


def _json(verified: Verified) -> str:
    body = {"holds": verified.holds, "facts": verified.facts, "seconds": verified.seconds}
    verdicts = [
        {
            "invariant": each.invariant,
            "title": each.title,
            "holds": each.holds,
            "looked_at": each.looked_at,
            "count": each.count,
            "violations": each.violations,
            "note": each.note,
        }
        for each in verified.verdicts
    ]
    return msgspec.json.format(msgspec.json.encode(body | {"verdicts": verdicts})).decode()

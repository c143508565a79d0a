"""`leadway rebuild`: fold the log again and compare, or put the result in place."""

from __future__ import annotations

import time
from typing import Any

from rich.table import Table

from leadway.cli._console import REFUSED, Failed, Progress, out
from leadway.cli._reach import begun, beside, database_of, opened_log
from leadway.cli._serving import installed
from leadway.hosting import Rebuilt, Settings, StillRunning
from leadway.hosting import rebuild as rebuild_service
from leadway.stage import Service


def rebuild(name: str, given: dict[str, Any], *, swap: bool) -> None:
    """Rebuild a service, or `all`. Raises Failed where a rebuilt table differs from the live one."""
    chosen = installed(None if name == "all" else [name])

    async def work(settings: Settings, tell: Progress) -> list[Rebuilt]:
        return [await _one(settings, service, tell, swap=swap) for service in await begun(settings, chosen)]

    try:
        found = beside(given, "reading the log", work)
    except StillRunning as error:
        raise Failed(str(error), "stop it, then swap; --check needs no stop") from error
    if not found:
        raise Failed(f"{name} has no tables here yet", "it was never started on this database")
    for one in found:
        _print(one, swap=swap)
    differing = [one.service for one in found if not one.same]
    if differing and not swap:
        raise Failed(
            f"live and rebuilt differ: {', '.join(differing)}",
            "stop the service and run it again with --swap to put the rebuilt tables in place",
            code=REFUSED,
        )
    if not swap:
        compared = sum(len({*one.live, *one.rebuilt}) for one in found)
        out.print(f"All same: {compared} tables of {len(found)} services are the fold of the log.")


async def _one(settings: Settings, service: Service, tell: Progress, *, swap: bool) -> Rebuilt:
    started = time.monotonic()

    def progressed(facts: int) -> None:
        tell(f"{service.name}: {facts:,} facts folded, {facts / max(time.monotonic() - started, 0.001):,.0f}/s")

    async with opened_log(settings) as log:
        return await rebuild_service(database_of(settings), log, service, swap=swap, progress=progressed)


def _print(found: Rebuilt, *, swap: bool) -> None:
    table = Table(title=f"{found.service}", title_justify="left", title_style="bold", box=None, padding=(0, 2))
    for column in ("table", "live", "rebuilt", ""):
        table.add_column(column, overflow="fold")
    for name in sorted({*found.live, *found.rebuilt}):
        live, rebuilt = found.live.get(name, "—"), found.rebuilt.get(name, "—")
        table.add_row(name, live, rebuilt, "[green]same[/]" if live == rebuilt else "[red]differs[/]")
    out.print(table)
    rate = found.facts / max(found.fold_seconds, 0.001)
    done = "; the rebuilt tables are in place" if swap else ""
    out.print(f"  {found.facts:,} facts in {found.fold_seconds:.2f} s: {rate:,.0f} facts/s{done}\n")

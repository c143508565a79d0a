"""I5: a rebuild of each service gives the same hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from leadway.eventlog import EventLog
from leadway.hosting import Rebuilt, rebuild
from leadway.stage import Service, Stopped
from leadway.verify._verdict import Findings, Verdict


def judge_rebuilds(rebuilt: Iterable[Rebuilt | tuple[str, str]]) -> Verdict:
    """I5, from what was rebuilt; (service, why) for one that could not be."""
    found = Findings("I5", "a rebuild of each service from the log gives the same hash")
    found.looked_at |= {"services": 0, "tables": 0, "facts folded": 0}
    for one in rebuilt:
        found.look("services")
        if isinstance(one, tuple):
            found.violated(f"{one[0]} cannot be rebuilt: {one[1]}")
            continue
        found.look("tables", len(one.live))
        found.look("facts folded", one.facts)
        for table in one.differences():
            live, again = one.live.get(table, "nothing"), one.rebuilt.get(table, "nothing")
            found.violated(f"{one.service}: {table} is {live}, and {again} when it is folded again")
    return found.verdict()


async def rebuild_all(
    database_url: str, log: EventLog, services: Iterable[Service], progress: Callable[[str], None] = lambda _: None
) -> list[Rebuilt | tuple[str, str]]:
    """Fold the log again for each service, beside the live tables: at one instant of each, whether it works or not."""
    found: list[Rebuilt | tuple[str, str]] = []
    for service in services:
        progress(f"folding the log again for {service.name}")
        try:
            found.append(await rebuild(database_url, log, service))
        except Stopped as error:
            found.append((service.name, str(error)))
    return found

"""A full rebuild of router and attribution from the log, after bulk traffic, against the rate of that traffic."""

from __future__ import annotations

import asyncio
import time

import uvloop

from bench._system import Leadway, Scratch, plain
from bench._table import Line
from bench.bulk import traffic
from leadway.eventlog import open_log
from leadway.hosting import rebuild, services
from leadway.processes import spare_what_is_loaded

_LEADS = 8_000
_SETTLE_SECONDS_MAX = 60.0


async def _settled(url: str) -> int:
    """The number of records on the log, once all has been relayed and nobody reads any more."""
    connection = await plain(url)
    deadline = time.monotonic() + _SETTLE_SECONDS_MAX
    heads = "SELECT sum(next_offset) FROM log.heads"
    read = " UNION ALL ".join(
        f"SELECT sum(position) AS n FROM {schema}.positions" for schema in ("router", "attribution")
    )
    try:
        while True:
            head = await connection.fetchval(heads)
            if await connection.fetchval(f"SELECT min(n) FROM ({read}) AS r") == head:
                return int(head)
            assert time.monotonic() < deadline, "the services did not come to rest"
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _rebuild(url: str) -> list[Line]:
    spare_what_is_loaded()  # as every process of Leadway does
    log = open_log(database_url=url)
    await log.start()
    lines: list[Line] = []
    try:
        for service in services(["router", "attribution"]):
            rebuilt = await rebuild(url, log, service)
            assert rebuilt.same, rebuilt.differences()
            whole, folding = rebuilt.facts / rebuilt.seconds, rebuilt.facts / rebuilt.fold_seconds
            what = f"full rebuild of {service.name}, {rebuilt.facts} facts, hashes equal"
            lines.append(Line("rebuild", what, whole, "facts/s", folding, "its fold alone", 20_000, goal_on="ours"))
    finally:
        await log.close()
    return lines


def run() -> list[Line]:
    with Scratch() as scratch:
        with Leadway(scratch) as leadway:
            traffic(scratch, leadway, _LEADS)
            asyncio.run(_settled(scratch.database))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_rebuild(scratch.database))

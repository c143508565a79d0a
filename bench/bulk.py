"""Leads in bulk: files of them captured, scored and assigned, durably, until the last one has its partner."""

from __future__ import annotations

import asyncio
import time
import urllib.request

from bench._system import Leadway, Scratch, partners, plain
from bench._table import Line

_LEADS = 10_000
_ROWS = 2_000
_WARM_LEADS = 500
_SECONDS_MAX = 120.0
_HEAD = "First Name;Last Name;E-mail;Company;Country;Industry;Employees;Product\n"


def rows(first: int, count: int) -> bytes:
    """A file of leads, one person and one company in each row."""
    line = "Ada;Nowak;ada.nowak@klinika-{0:09d}.example;Klinika {0};Poland;healthcare;250;imaging-suite\n"
    return (_HEAD + "".join(line.format(number) for number in range(first, first + count))).encode()


def _post(leadway: Leadway, source: dict[str, str], body: bytes) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{leadway.ports['ingest']}/ingest/v1/sources/{source['id']}/leads",
        data=body,
        headers={"x-leadway-key": source["key"], "content-type": "text/csv"},
    )
    with urllib.request.urlopen(request, timeout=_SECONDS_MAX) as answer:
        assert answer.read().count(b'"captured"') == body.count(b"\n") - 1


async def _assigned(url: str, count: int) -> None:
    connection = await plain(url)
    deadline = time.monotonic() + _SECONDS_MAX
    try:
        sql = "SELECT count(*) FROM router.routed_leads WHERE state = 'assigned'"
        while (found := await connection.fetchval(sql)) < count:
            assert time.monotonic() < deadline, f"{found} of {count} assigned"
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


def traffic(scratch: Scratch, leadway: Leadway, leads: int) -> float:
    """Capture that many leads; the seconds until the last of them was assigned."""
    source = leadway.ask("POST", "/ingest/v1/sources", {"name": "bulk", "kind": "csv"})
    partners(leadway, 8)
    time.sleep(1.0)  # the catalogs reach the services that copy them
    _post(leadway, source, rows(0, _WARM_LEADS))
    asyncio.run(_assigned(scratch.database, _WARM_LEADS))
    files = [rows(_WARM_LEADS + start, min(_ROWS, leads - start)) for start in range(0, leads, _ROWS)]
    started = time.perf_counter()
    for file in files:
        _post(leadway, source, file)
    asyncio.run(_assigned(scratch.database, _WARM_LEADS + leads))
    return time.perf_counter() - started


def run() -> list[Line]:
    with Scratch() as scratch, Leadway(scratch) as leadway:
        together = _LEADS / traffic(scratch, leadway, _LEADS)
    with Scratch() as scratch, Leadway(scratch, only=Leadway.service_names()) as leadway:
        apart = _LEADS / traffic(scratch, leadway, _LEADS)
    what = f"{_LEADS} leads captured, scored, assigned"
    return [
        Line("bulk", f"{what}: one process", together, "leads/s", apart, "a process each", 1500, goal_on="ours"),
        Line("bulk", f"{what}: a process each", apart, "leads/s", together, "one process", 1500, goal_on="ours"),
    ]

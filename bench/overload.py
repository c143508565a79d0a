"""Twice what Leadway can take, for a minute: what it refuses, what it keeps, what memory it needs, and how it is after.

All services run in one process. A steady load first finds the rate of durable 202s; then twice that is offered,
whatever becomes of it. Nothing but 202, and 503 with Retry-After, may come back; what was accepted must be on the log
and at the router; and the same moderate load before and after tells whether latency is back.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

import msgspec
import psutil

from bench._load import Load, drive
from bench._surge import Surge, Surged, surge
from bench._system import LEAD, Leadway, Scratch, native_source, partners, plain
from bench._table import Line, percentile

_SECONDS = 60.0
_STEADY_SECONDS = 6.0
_CONNECTIONS = 256
_MODERATE_SHARE = 0.25
_PROBE_SECONDS = 3.0
_RECOVER_SECONDS_MAX = 10.0
_ARRIVE_SECONDS_MAX = 600.0
_MIB = 1024 * 1024
_EXPECTED = frozenset({"202", "503 + Retry-After"})


class Overloaded(msgspec.Struct, frozen=True):
    """What an overload came to."""

    per_second: float
    surged: Surged
    memory_mib: tuple[float, float, float]  # at its start, its peak, and after all had arrived
    before_seconds: list[float]
    after_seconds: list[float]
    arrived_seconds: float

    @property
    def others(self) -> dict[str, int]:
        """Answers that should not have come."""
        return {outcome: n for outcome, n in self.surged.outcomes.items() if outcome not in _EXPECTED | {"unsent"}}


class Memory:
    """The resident memory of a process, watched from a thread."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self.start_mib = self.now()
        self.peak_mib = self.start_mib
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> float:
        return self._process.memory_info().rss / _MIB

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.peak_mib = max(self.peak_mib, self.now())

    def end(self) -> tuple[float, float, float]:
        self._stop.set()
        self._thread.join()
        return self.start_mib, self.peak_mib, self.now()


class Source:
    """Sends to one source, each lead a new person at a new company."""

    def __init__(self, leadway: Leadway) -> None:
        self._port = leadway.ports["ingest"]
        self._path, self._headers = native_source(leadway)
        self._sent = 0
        self.accepted: list[str] = []

    def surge(self, per_second: float, seconds: float) -> Surged:
        wanted = Surge(
            port=self._port, path=self._path, headers=self._headers, body=LEAD, per_second=per_second,
            seconds=seconds, first=self._sent,
        )  # fmt: skip
        self._sent += int(per_second * seconds)
        surged = surge(wanted)
        self.accepted += surged.leads
        return surged

    def steady(self, seconds: float) -> float:
        """As many connections as keep it busy; durable 202s a second."""
        loaded = drive(
            Load(port=self._port, path=self._path, headers=self._headers, body=LEAD, connections=_CONNECTIONS,
                 seconds=seconds, first=self._sent)
        )  # fmt: skip
        self._sent += loaded.answered + 2 * _CONNECTIONS
        return loaded.per_second


_CAPTURED = "SELECT count(*) FROM log.records WHERE type = 'lead.captured.v1'"
_WAITING = "SELECT count(*) FROM ingest.outbox"
_ROUTED = "SELECT count(*) FROM router.routed_leads"


async def _settled(url: str) -> None:
    """Wait until whatever was captured is on the log and at the router."""
    connection = await plain(url)
    deadline = time.monotonic() + _ARRIVE_SECONDS_MAX
    try:
        while True:
            waiting, captured, routed = [await connection.fetchval(sql) for sql in (_WAITING, _CAPTURED, _ROUTED)]
            if not waiting and routed >= captured:
                return
            assert time.monotonic() < deadline, f"{routed} of {captured} leads are at the router"
            await asyncio.sleep(0.3)
    finally:
        await connection.close()


async def _check(url: str, accepted: Sequence[str]) -> None:
    """Each accepted lead was captured on the log exactly once, and the router knows it."""
    connection = await plain(url)
    rows = await connection.fetch("SELECT key FROM log.records WHERE type = 'lead.captured.v1'")
    known = await connection.fetchval(f"{_ROUTED} WHERE subject = ANY($1::text[])", list(accepted))
    await connection.close()
    captured = Counter(bytes(row["key"]).decode() for row in rows)
    missing = [lead for lead in accepted if captured[lead] != 1]
    assert not missing, f"{len(missing)} accepted leads are not on the log exactly once"
    assert known == len(accepted), f"the router knows {known} of {len(accepted)} accepted leads"


def overloaded(seconds: float, steady_seconds: float = _STEADY_SECONDS) -> Overloaded:
    """Offer twice the sustainable rate for so long."""
    with Scratch() as scratch, Leadway(scratch) as leadway:
        partners(leadway, 8)
        time.sleep(1.0)  # the catalogs reach the services that copy them
        source = Source(leadway)
        source.steady(1.0)
        per_second = source.steady(steady_seconds)
        asyncio.run(_settled(scratch.database))
        moderate = per_second * _MODERATE_SHARE
        before = source.surge(moderate, _PROBE_SECONDS)
        asyncio.run(_settled(scratch.database))
        memory = Memory(leadway.processes[0].pid)
        surged = source.surge(2 * per_second, seconds)
        ended = time.monotonic()
        time.sleep(_RECOVER_SECONDS_MAX - _PROBE_SECONDS)
        after = source.surge(moderate, _PROBE_SECONDS)
        asyncio.run(_settled(scratch.database))
        arrived = time.monotonic() - ended
        asyncio.run(_check(scratch.database, source.accepted))
        return Overloaded(per_second, surged, memory.end(), before.accepted_seconds, after.accepted_seconds, arrived)


def run(share: float = 1.0) -> list[Line]:
    """`share` of the full time."""
    found = overloaded(_SECONDS * share)
    outcomes = found.surged.outcomes
    accepted, refused = outcomes.get("202", 0), outcomes.get("503 + Retry-After", 0)
    start, peak, end = found.memory_mib
    print(f"overload: {outcomes}; resident {start:.0f} MiB, peak {peak:.0f}, after {end:.0f}", file=sys.stderr)
    what = f"{found.surged.sent} leads in {_SECONDS * share:.0f} s, twice what is sustainable"
    before, after = (percentile(each, 0.99) * 1000 for each in (found.before_seconds, found.after_seconds))
    worst = percentile(found.surged.accepted_seconds, 0.99) * 1000
    sustained = accepted / (_SECONDS * share)
    others = sum(found.others.values())
    refusal = percentile(found.surged.refused_seconds, 0.99) * 1000 if found.surged.refused_seconds else 0.0
    ours = "ours"
    return [
        Line("overload", f"{what}: answers but 202, and 503 with Retry-After", others, "", refused, "such 503", 0,
             goal_on=ours, at_most=True),
        Line("overload", f"{what}: accepted, all at the router", sustained, "leads/s", found.per_second, "sustainable"),
        Line("overload", f"{what}: peak of resident memory", peak, "MiB", start, "before", 2, at_most=True),
        Line("overload", "p99 of a 202 in it", worst, "ms", refusal, "of a 503"),
        Line("overload", "p99 of a 202 within 10 s after", after, "ms", before, "before, same load", 2, at_most=True),
        Line("overload", "until the last accepted lead was at the router", found.arrived_seconds, "s"),
    ]  # fmt: skip

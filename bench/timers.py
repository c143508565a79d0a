"""How late deadlines fall due with a hundred thousand of them pending: from each `due_at` until `sla.due` can be read.

sla-timer runs as its users run it; the benchmark speaks on the log in the router's place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import uvloop

from bench._system import Leadway, Scratch, plain
from bench._table import Line, percentile
from leadway.eventlog import EventLog, NewRecord, Partition, open_log, partition_of
from leadway.facts import LEAD_EVENTS, Envelope
from leadway.facts.codec import encode_data, encode_headers
from leadway.facts.router import Decision, LeadAssigned
from leadway.facts.sla_timer import SlaDue
from leadway.ids import draw

_PENDING = 100_000
_DUE = 10_000
_PER_SECOND = 500
_AHEAD_SECONDS = 10.0
_WITHIN = timedelta(hours=10)
_APPEND = 4_000
_SECONDS_MAX = 180.0


class Timed(msgspec.Struct, frozen=True):
    """What became of the deadlines that fell due."""

    due: int
    early: int
    late_seconds: list[float]


class Router:
    """Says `lead.assigned` on the log, each with the instant at which its deadline is to fall due."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._sequences = [0] * log.partitions

    async def assign(self, count: int, due_at: Callable[[int], datetime]) -> None:
        producer = await self._log.producer("router")
        for start in range(0, count, _APPEND):
            batches: dict[Partition, list[NewRecord]] = {}
            for number in range(start, min(count, start + _APPEND)):
                self._add(batches, due_at(number))
            await producer.append_many(batches)
        await producer.close()

    def _add(self, batches: dict[Partition, list[NewRecord]], due_at: datetime) -> None:
        lead_id = draw("lead")
        key = lead_id.encode()
        partition = Partition(LEAD_EVENTS, partition_of(key, self._log.partitions))
        self._sequences[partition.number] += 1
        fact = LeadAssigned(
            lead_id=lead_id,
            assignment_id=draw("asg"),
            partner_id="ptr_bench",
            tier="gold",
            method="round_robin",
            partner_version=1,
            decision=Decision(asked="qualified"),
            at=due_at - _WITHIN,
        )
        envelope = Envelope(
            id=draw("fact"),
            type=fact.wire,
            source="router",
            subject=lead_id,
            time=datetime.now(UTC),
            sequence=self._sequences[partition.number],
            cause="bench",
            correlation="bench",
            actor="service:bench",
            data=fact,
        )
        batches.setdefault(partition, []).append(NewRecord(key, encode_data(fact), encode_headers(envelope)))


async def _standing(connection: Any, count: int) -> None:
    deadline = time.monotonic() + _SECONDS_MAX
    while (found := await connection.fetchval("SELECT count(*) FROM sla_timer.timers")) < count:
        assert time.monotonic() < deadline, f"{found} of {count} timers stand"
        await asyncio.sleep(0.2)


async def _due(log: EventLog, starts: dict[Partition, int], count: int) -> Timed:
    """Read `sla.due` as it comes, and compare each with the clock."""

    async def positions(_: frozenset[Partition]) -> dict[Partition, int]:
        return starts

    subscription = await log.subscribe("bench", [LEAD_EVENTS], types=frozenset({SlaDue.wire}), positions=positions)
    late: list[float] = []
    deadline = time.monotonic() + _SECONDS_MAX
    try:
        while len(late) < count:
            assert time.monotonic() < deadline, f"{len(late)} of {count} fell due"
            found = await subscription.next(records_max=2_000, timeout_seconds=1.0)
            now = datetime.now(UTC)
            late += [
                (now - datetime.fromisoformat(record.headers["ce_time"].decode())).total_seconds()
                for records in found.values()
                for record in records
                if record.headers["ce_type"] == SlaDue.wire.encode()
            ]
    finally:
        await subscription.close()
    return Timed(len(late), sum(each < 0 for each in late), late)


async def _round(router: Router, log: EventLog, connection: Any, *, pending: int, due: int) -> Timed:
    await router.assign(pending, lambda _: datetime.now(UTC) + _WITHIN)
    before = await connection.fetchval("SELECT count(*) FROM sla_timer.timers")
    await _standing(connection, max(before, pending))
    begins = datetime.now(UTC) + timedelta(seconds=_AHEAD_SECONDS)
    await router.assign(due, lambda number: begins + timedelta(seconds=number / _PER_SECOND))
    await _standing(connection, pending + due)
    assert datetime.now(UTC) < begins, "the machine is too slow to set the timers before they are due"
    starts = {each: head for each, head in (await log.heads()).items() if each.topic == LEAD_EVENTS}
    return await _due(log, starts, due)


async def _measure(scratch: Scratch, counts: Sequence[tuple[int, int]]) -> list[Timed]:
    log = open_log(database_url=scratch.database)
    await log.start()
    connection = await plain(scratch.database)
    try:
        router = Router(log)
        return [await _round(router, log, connection, pending=pending, due=due) for pending, due in counts]
    finally:
        await connection.close()
        await log.close()


def timed(pending: int, due: int) -> tuple[Timed, Timed]:
    """Deadlines that fall due while no others stand, then as many among `pending` ones."""
    clock: dict[str, Any] = {"clock": "accept", "within": "PT10H", "remind_at": [], "on_breach": "alert"}
    with (
        Scratch() as scratch,
        Leadway(scratch, only=["sla-timer"]) as leadway,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        leadway.ask("PUT", "/sla-timer/v1/policies", {"policies": [{"name": "all", "when": {}, "clocks": [clock]}]})
        alone, among = runner.run(_measure(scratch, [(0, due), (pending, due)]))
    return alone, among


def run(share: float = 1.0) -> list[Line]:
    """`share` of the full counts."""
    pending, due = int(_PENDING * share), int(_DUE * share)
    alone, among = timed(pending, due)
    what = f"{due} deadlines falling due among {pending} pending, {_PER_SECOND}/s"
    lines = [Line("timers", f"{what}: early", among.early, "", None, "", 0, goal_on="ours", at_most=True)]
    for name, each in (("p50", 0.5), ("p99", 0.99)):
        ours, other = (percentile(one.late_seconds, each) * 1000 for one in (among, alone))
        goal = 1000 if name == "p99" else None
        against = "none other pending"
        lines.append(
            Line("timers", f"{what}: late, {name}", ours, "ms", other, against, goal, goal_on="ours", at_most=True)
        )
    return lines

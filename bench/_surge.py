"""The generator of an overload: so many requests a second, whatever becomes of the earlier ones.

A process of its own: `python -m bench._surge` reads a `Surge` as JSON from standard input and writes a `Surged` to
standard output. Each request goes over a free connection, or a new one up to `connections_max`; where all are busy it
is not sent, and counted as that.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import uvloop

from bench._client import Connection

_DRAIN_SECONDS_MAX = 60.0


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where. `body` holds one `%09d`, which becomes the number of the request."""

    port: int
    path: str
    body: str
    headers: dict[str, str]
    per_second: float
    seconds: float
    first: int = 0
    connections_max: int = 1_800


class Surged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: answers by status, with `+ Retry-After` where one came, and the leads that were accepted."""

    outcomes: dict[str, int]
    leads: list[str]
    accepted_seconds: list[float]
    refused_seconds: list[float]

    @property
    def sent(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome != "unsent")


def surge(wanted: Surge) -> Surged:
    """Send it from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench._surge"],
        input=msgspec.json.encode(wanted),
        stdout=subprocess.PIPE,
        check=True,
        timeout=wanted.seconds + _DRAIN_SECONDS_MAX + 30,
        cwd=Path(__file__).parents[1],
    )
    return msgspec.json.decode(done.stdout, type=Surged)


class _Run:
    def __init__(self, wanted: Surge) -> None:
        self._wanted = wanted
        self._idle: list[Connection] = []
        self._open = 0
        self.outcomes: Counter[str] = Counter()
        self.leads: list[str] = []
        self.accepted: list[float] = []
        self.refused: list[float] = []

    async def send(self, number: int) -> None:
        if not self._idle and self._open >= self._wanted.connections_max:
            self.outcomes["unsent"] += 1
            return
        try:
            if not self._idle:
                self._open += 1
                self._idle.append(await Connection.open(self._wanted.port))
            connection = self._idle.pop()
            body = (self._wanted.body % number).encode()
            answer = await connection.ask("POST", self._wanted.path, self._wanted.headers, body)
        except OSError as error:
            self._open -= 1
            self.outcomes[type(error).__name__] += 1
            return
        self._idle.append(connection)
        said = " + Retry-After" if "retry-after" in answer.headers else ""
        self.outcomes[f"{answer.status}{said}"] += 1
        if answer.status == 202:
            self.leads.append(answer.json["lead_id"])
            self.accepted.append(answer.seconds)
        else:
            self.refused.append(answer.seconds)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def _generate(wanted: Surge) -> Surged:
    run = _Run(wanted)
    tasks: set[asyncio.Task[None]] = set()
    started = time.perf_counter()
    for number in range(int(wanted.per_second * wanted.seconds)):
        pause = started + number / wanted.per_second - time.perf_counter()
        await asyncio.sleep(max(0.0, pause))  # also when late: answers are to be read meanwhile
        task = asyncio.create_task(run.send(wanted.first + number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks, timeout=_DRAIN_SECONDS_MAX)
    run.outcomes["unanswered"] += len(tasks)
    run.close()
    outcomes = {outcome: count for outcome, count in run.outcomes.items() if count}
    return Surged(outcomes=outcomes, leads=run.leads, accepted_seconds=run.accepted, refused_seconds=run.refused)


def main() -> None:
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Surge)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        surged = runner.run(_generate(wanted))
    sys.stdout.buffer.write(msgspec.json.encode(surged))


if __name__ == "__main__":
    main()

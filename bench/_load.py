"""The load generator: a raw-socket HTTP client in a process of its own, the same for every server that it meets.

Each of its connections sends one request, waits for the answer and sends the next. `python -m bench._load` reads a
`Load` as JSON from standard input and writes a `Loaded` to standard output.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from bench._table import percentile

_DRAIN_SECONDS_MAX = 20.0


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where. `body` holds one `%09d`, which becomes the number of the request."""

    port: int
    path: str
    body: str
    headers: dict[str, str] = {}
    connections: int = 128
    seconds: float | None = None
    requests: int | None = None
    first: int = 0


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    answered: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds


def drive(load: Load) -> Loaded:
    """Run a load in a process of its own; every answer must be a success."""
    done = subprocess.run(
        [sys.executable, "-m", "bench._load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
        timeout=180,
        cwd=Path(__file__).parents[1],
    )
    loaded = msgspec.json.decode(done.stdout, type=Loaded)
    assert all(status.startswith("2") for status in loaded.statuses), loaded.statuses
    return loaded


class _Run:
    """One load, shared by its connections."""

    def __init__(self, load: Load) -> None:
        body = load.body % 0
        head = [f"POST {load.path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
        head += [f"{name}: {value}" for name, value in load.headers.items()]
        head += [f"content-length: {len(body.encode())}", "", ""]
        self.template = "\r\n".join(head).replace("%", "%%").encode() + load.body.encode()
        self.numbers = count(load.first)
        self.stop_at = load.first + load.requests if load.requests is not None else sys.maxsize
        self.ends_at = time.perf_counter() + load.seconds if load.seconds is not None else float("inf")
        self.statuses: dict[str, int] = {}
        self.latencies: list[float] = []
        self.open = 0
        self.finished = asyncio.Event()


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self._closing = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:

        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance
        self._run.open += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio names it so
        if not self._closing:
            self._count("lost")
        self._run.open -= 1
        if not self._run.open:
            self._run.finished.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        place = lowered.find(b"content-length:")
        length = int(lowered[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = b""
        self._run.latencies.append(time.perf_counter() - self._sent_at)
        self._count(head[9:12].decode())
        self._next()

    def _count(self, status: str) -> None:
        self._run.statuses[status] = self._run.statuses.get(status, 0) + 1

    def _next(self) -> None:
        assert self._transport is not None
        run = self._run
        self._sent_at = time.perf_counter()
        number = next(run.numbers)
        if number >= run.stop_at or self._sent_at >= run.ends_at:
            self._closing = True
            self._transport.close()
            return
        self._transport.write(run.template % number)


async def _generate(load: Load) -> Loaded:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    run = _Run(load)
    for _ in range(load.connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", load.port)
    await asyncio.wait_for(run.finished.wait(), (load.seconds or 120.0) + _DRAIN_SECONDS_MAX)
    elapsed = time.perf_counter() - started
    return Loaded(
        answered=len(run.latencies),
        seconds=elapsed,
        statuses=run.statuses,
        p50_ms=percentile(run.latencies, 0.5) * 1000,
        p99_ms=percentile(run.latencies, 0.99) * 1000,
    )


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loaded = runner.run(_generate(load))
    sys.stdout.buffer.write(msgspec.json.encode(loaded))


if __name__ == "__main__":
    main()

"""Durable ingest against a bare echo, bodies stored unread, and the same capture as most teams would write it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from bench._load import Load, Loaded, drive
from bench._system import LEAD, Leadway, Scratch, native_source, start, stop
from bench._table import Line
from leadway.processes import free_port

_CONNECTIONS = 128
_SECONDS = 4.0
_ROUNDS = 3
_START_SECONDS_MAX = 20.0


@contextmanager
def served(app: str, scratch: Scratch, *, lifespan: str) -> Generator[int]:
    """An ASGI app under uvicorn as Leadway runs its own: uvloop, httptools, no access log, one process."""
    port = free_port()
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--lifespan", lifespan, *options]
    environment = os.environ | {"TYPICAL_DATABASE_URL": scratch.database}
    with (scratch.folder / f"{port}.out").open("wb") as output:
        process = start(command, environment, output)
        try:
            deadline = time.monotonic() + _START_SECONDS_MAX
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, f"{app} did not start"
                    time.sleep(0.1)
            yield port
        finally:
            stop(process)


class Side:
    """One server's results, over all rounds."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self._load = {"port": port, "path": path, "headers": headers}
        self._sent = 0
        self.results: list[Loaded] = []

    def measure(self, seconds: float, *, keep: bool = True) -> None:
        port, path, headers = self._load["port"], self._load["path"], self._load["headers"]
        assert isinstance(port, int) and isinstance(path, str) and isinstance(headers, dict)  # noqa: PT018
        done = drive(
            Load(port=port, path=path, headers=headers, body=LEAD, connections=_CONNECTIONS, seconds=seconds,
                 first=self._sent)
        )  # fmt: skip
        self._sent += done.answered + 2 * _CONNECTIONS
        if keep:
            self.results.append(done)

    @property
    def per_second(self) -> float:
        return sum(each.answered for each in self.results) / sum(each.seconds for each in self.results)

    @property
    def p99_ms(self) -> float:
        return max(each.p99_ms for each in self.results)


def run() -> list[Line]:
    with (
        Scratch() as scratch,
        served("bench._echo:app", scratch, lifespan="off") as echo_port,
        served("bench._stored:app", scratch, lifespan="on") as stored_port,
        served("bench._typical:app", scratch, lifespan="on") as typical_port,
        Leadway(scratch, only=["ingest"]) as leadway,
    ):
        path, headers = native_source(leadway)
        ours = Side(leadway.ports["ingest"], path, headers)
        echo = Side(echo_port, "/", headers)
        stored = Side(stored_port, "/", headers)
        typical = Side(typical_port, "/sources/src_1/leads", {"x-leadway-key": "secret"})
        for side in (ours, echo, stored, typical):
            side.measure(1.5, keep=False)
        for _ in range(_ROUNDS):
            for side in (echo, stored, ours, typical):
                side.measure(_SECONDS)
    what = f"durable ingest, {_CONNECTIONS} connections"
    return [
        Line("ingest", what, ours.per_second, "leads/s", echo.per_second, "bare ASGI echo", 0.5),
        Line("ingest", what, ours.per_second, "leads/s", stored.per_second, "bodies stored unread, in batches"),
        Line("ingest", what, ours.per_second, "leads/s", typical.per_second, "FastAPI + SQLAlchemy", 10),
        Line("ingest", "p99 of an answer at that load", ours.p99_ms, "ms", typical.p99_ms, "FastAPI + SQLAlchemy"),
    ]

"""How soon Leadway serves again after `kill -9`: of a service, started again at once; of PostgreSQL, likewise.

Every service is a process of its own. Ready is: /readyz says so, and a command is carried out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec

from bench._system import LEAD, leadway_command, start, stop
from bench._table import Line
from leadway.database import EmbeddedPostgres
from leadway.processes import free_port
from leadway.web import issue_token

_SERVICES = ("ingest", "scoring", "router")
_TIMES = 3
_SECONDS_MAX = 90.0


class Recovered(msgspec.Struct, frozen=True):
    """Seconds of each recovery, beside what starting the same takes when nothing was killed."""

    service: list[float]
    service_start: float
    database: list[float]
    database_start: float


class Street:
    """A PostgreSQL that can be killed, and services as processes of their own."""

    def __init__(self, folder: Path, services: tuple[str, ...]) -> None:
        self.folder = folder
        self.key = os.urandom(32)
        self.server = EmbeddedPostgres(folder / "postgres", port=free_port(), durable=True)
        self.ports = {name: free_port() for name in services}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._source: tuple[str, str] | None = None
        self._sent = 0

    def serve(self, name: str) -> None:
        environment = os.environ | {
            "LEADWAY_DEPLOYMENT_KEY": self.key.hex(),
            "LEADWAY_DATABASE_URL": self.server.tcp_url,
            "LEADWAY_DATA_DIR": str(self.folder / "data"),
        }
        command = [*leadway_command(), "serve", name, "--port", str(self.ports[name])]
        with (self.folder / f"{name}.out").open("ab") as output:
            self.processes[name] = start(command, environment, output)

    def ready(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            self._ask(name, "/readyz")
            return True
        return False

    def serves(self) -> bool:
        """Whether every service is ready and a lead is captured durably."""
        if not all(self.ready(name) for name in self.ports):
            return False
        with contextlib.suppress(OSError):
            if self._source is None:
                made = self._ask("ingest", "/ingest/v1/sources", {"name": "bench", "kind": "native"})
                self._source = made["id"], made["key"]
            source, key = self._source
            self._sent += 1
            lead = msgspec.json.decode(LEAD % self._sent)
            self._ask("ingest", f"/ingest/v1/sources/{source}/leads?key={key}", lead)
            return True
        return False

    def _ask(self, name: str, path: str, body: Any = None) -> Any:
        token = issue_token(self.key, role="admin", subject="bench")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name]}{path}",
            data=None if body is None else msgspec.json.encode(body),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return msgspec.json.decode(answer.read())

    def close(self) -> None:
        for process in self.processes.values():
            stop(process)
        self.server.destroy()


@contextlib.contextmanager
def _street(services: tuple[str, ...]) -> Generator[Street]:
    with tempfile.TemporaryDirectory(prefix="leadway-bench-") as folder:
        street = Street(Path(folder), services)
        try:
            yield street
        finally:
            street.close()


def _until(holds: Callable[[], bool]) -> float:
    started = time.perf_counter()
    while not holds():
        assert time.perf_counter() - started < _SECONDS_MAX, "it does not serve again"
        time.sleep(0.05)
    return time.perf_counter() - started


def recovered(services: tuple[str, ...] = _SERVICES, times: int = _TIMES) -> Recovered:
    """Kill ingest, then PostgreSQL, so many times each, and start each again at once. `services` include ingest."""
    with _street(services) as street:
        began = time.perf_counter()
        street.server.start()
        database_start = time.perf_counter() - began
        for name in services:
            street.serve(name)
        service_start = _until(street.serves)
        of_service: list[float] = []
        of_database: list[float] = []
        for _ in range(times):
            street.processes["ingest"].kill()
            street.processes["ingest"].wait()
            began = time.perf_counter()
            street.serve("ingest")
            _until(street.serves)
            of_service.append(time.perf_counter() - began)
        for _ in range(times):
            assert street.server.pid is not None
            os.kill(street.server.pid, signal.SIGKILL)
            began = time.perf_counter()
            _until(lambda: street.server.pid is None)
            street.server.start()
            _until(street.serves)
            of_database.append(time.perf_counter() - began)
        return Recovered(of_service, service_start, of_database, database_start)


def run(share: float = 1.0) -> list[Line]:
    """`share` of the full counts."""
    times = max(1, round(_TIMES * share))
    found = recovered(times=times)
    ours, apart = "ours", "first start of all"
    of_service, of_database = max(found.service), max(found.database)
    return [
        Line("recovery", f"kill -9 of a service until it serves, worst of {times}", of_service, "s",
             found.service_start, apart, 5, goal_on=ours, at_most=True),
        Line("recovery", f"kill -9 of PostgreSQL until all serve, worst of {times}", of_database, "s",
             found.database_start, "its first start alone", 15, goal_on=ours, at_most=True),
    ]  # fmt: skip

"""What is measured: a PostgreSQL of our own, and Leadway's processes as its users start them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, cast

import asyncpg
import psutil

from leadway.database import EmbeddedPostgres
from leadway.processes import free_port
from leadway.web import issue_token

ROOT = Path(__file__).parents[1]
_START_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 15.0


async def plain(url: str) -> Any:
    """A connection of the driver's own, as the user that the server belongs to."""
    connect: Any = cast("Any", asyncpg).connect
    return await connect(url.replace("postgresql+asyncpg://", "postgresql://"))


class Scratch:
    """A folder and a durable PostgreSQL in it, gone when the context ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path()
        self.database = ""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="leadway-bench-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        server = EmbeddedPostgres(self.folder / "postgres", durable=True)
        self._stack.callback(server.destroy)  # as root its data are outside the folder
        self.database = server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class Leadway:
    """Leadway on a scratch database: `all services in one process` or a process for each; or only some of them."""

    def __init__(self, scratch: Scratch, *, only: Sequence[str] = (), separate: bool = False) -> None:
        self._scratch = scratch
        self._only = only
        self._separate = separate
        self._stack = ExitStack()
        self.key = secrets.token_bytes(32)
        self.ports: dict[str, int] = {}
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        if self._separate or self._only:
            for name in self._only:
                self.ports[name] = free_port()
                self._start("serve", name, "--port", str(self.ports[name]))
        else:
            port = free_port()
            self.ports = dict.fromkeys(self.service_names(), port)
            self._start("up", "--port", str(port))
        for port in set(self.ports.values()):
            self._until_ready(port)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    def service_names() -> tuple[str, ...]:
        from leadway.hosting import service_names  # noqa: PLC0415 the generator need not load it

        return service_names()

    def _start(self, *command: str) -> None:
        environment = os.environ | {
            "LEADWAY_DEPLOYMENT_KEY": self.key.hex(),
            "LEADWAY_DATABASE_URL": self._scratch.database,
            "LEADWAY_DATA_DIR": str(self._scratch.folder / "data"),
        }
        output = self._stack.enter_context((self._scratch.folder / f"{'-'.join(command[:2])}.out").open("wb"))
        process = start([*leadway_command(), *command], environment, output)
        self.processes.append(process)
        self._stack.callback(stop, process)

    def _until_ready(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert time.monotonic() < deadline, "Leadway did not become ready"
                time.sleep(0.1)

    def ask(self, method: str, path: str, body: Any = None, *, accept: tuple[int, ...] = ()) -> Any:
        """Call a service as an admin."""
        token = issue_token(self.key, role="admin", subject="bench")
        port = self.ports[path.split("/", 2)[1]]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code in accept:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error


def leadway_command() -> list[str]:
    """The command line of the environment that runs the benchmark."""
    return [str(Path(sys.executable).with_name("leadway"))]


def start(command: Sequence[str], environment: dict[str, str], output: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pids: Sequence[int]) -> float:
    """The processor time that these processes have used."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


def native_source(leadway: Leadway) -> tuple[str, dict[str, str]]:
    """A native source: the path that leads are posted to, and the headers with its key."""
    source = leadway.ask("POST", "/ingest/v1/sources", {"name": "bench", "kind": "native"})
    return f"/ingest/v1/sources/{source['id']}/leads", {"x-leadway-key": source["key"]}


def partners(leadway: Leadway, count: int) -> list[str]:
    """Partners for Poland, and the rule that gives them its leads in turn; scoring and deadlines as they come."""
    made = [
        leadway.ask(
            "POST",
            "/router/v1/partners",
            {"name": f"Partner {number}", "status": "active", "tier": "gold", "territories": ["PL"]},
        )["id"]
        for number in range(count)
    ]
    among = {"tier": ["gold"], "match": ["territory"]}
    rule = {
        "name": "Poland",
        "when": {"country": ["PL"]},
        "then": [{"assign": {"method": "round_robin", "among": among}}],
    }
    leadway.ask(
        "PUT", "/router/v1/rules", {"account": "follow", "rules": [rule], "otherwise": {"retain": {"queue": "other"}}}
    )
    return made


# One person and one company for each number: nobody is known yet, which is the dearest case.
LEAD = (
    json.dumps(
        {
            "person": {"email": "EMAIL", "first_name": "Ada", "last_name": "Nowak", "phone": "+48 600 700 800"},
            "company": {"name": "Klinika Nowak", "country": "PL", "industry": "healthcare", "employees": 250},
            "product": "imaging-suite",
            "campaign": "health-emea-q4",
            "touch": {"kind": "form.submitted", "asset": "Buyer's guide", "url": "https://vendor.example/guide"},
            "fields": {"interest": "imaging", "timeline": "this quarter"},
        }
    )
    .replace("%", "%%")
    .replace("EMAIL", "ada.nowak@klinika-%09d.example")
)

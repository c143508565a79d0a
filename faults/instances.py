"""Instances of services, each a process of its own by the command line, and the supervisor that brings them back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from faults.proxy import Proxy
from leadway.processes import start_child

STOPPED = 3  # the exit code of a service that found that database and log do not belong together
OK = 200
_REFUSED = 1
_LOOK_SECONDS = 0.03
_READY_SECONDS_MAX = 120.0
_PAUSE_SECONDS = 0.3


@dataclass(eq=False)
class Instance:
    """One instance of a service behind a port of its own, with a proxy of its own to the database."""

    service: str
    name: str
    port: int
    proxy: Proxy
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = False
    frozen: bool = False
    busy: bool = False
    serving: bool = False
    armed: str | None = None
    killed_at: float | None = None
    killed_by: str = ""

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> Path:
        """What it printed."""
        return self.folder / f"{self.name}.out"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start its process; it dies with ours."""
        program = Path(sys.executable).with_name("leadway")
        settings = dict(environment) | ({"LEADWAY_CRASH": self.armed} if self.armed else {})
        self.serving = False
        arguments = [program, "serve", self.service, "--port", str(self.port)]
        self.process = start_child(arguments, log=self.output, env=settings, end_with=signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self, why: str) -> None:
        """SIGKILL it."""
        if self.alive:
            self.killed_at, self.killed_by, self.serving = time.monotonic(), why, False
            self.signal(signal.SIGKILL)

    async def stop(self, patience_seconds: float = 20.0) -> int | None:
        """SIGTERM it and wait; its exit code."""
        self.wanted = self.serving = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        process = self.process
        if process is None:
            return None
        deadline = time.monotonic() + patience_seconds
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
            await asyncio.sleep(_LOOK_SECONDS)
        return process.returncode

    async def health(self, client: httpx.AsyncClient) -> tuple[int, str]:
        """What /readyz says; 0 where nobody answers."""
        try:
            response = await client.get(f"{self.base}/readyz", timeout=4.0)
        except httpx.HTTPError:
            return 0, ""
        self.serving = response.status_code == OK
        return response.status_code, response.text


@dataclass
class Supervisor:
    """Starts wanted instances again as soon as they die, and measures how long they take to serve."""

    environment: Mapping[str, str]
    client: httpx.AsyncClient
    instances: list[Instance] = field(default_factory=list[Instance])
    recoveries: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    unexpected: list[str] = field(default_factory=list[str])
    stores_up: asyncio.Event = field(default_factory=asyncio.Event)
    stores_down_at: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def environment_of(self, instance: Instance) -> dict[str, str]:
        """The settings of one instance: everybody's, and its own way to the database."""
        settings = dict(os.environ) | dict(self.environment)
        url = settings["LEADWAY_DATABASE_URL"]
        head, _, tail = url.rpartition(":")
        settings["LEADWAY_DATABASE_URL"] = f"{head}:{instance.proxy.port}/{tail.partition('/')[2]}"
        return settings

    def want(self, instance: Instance) -> None:
        """Start the instance now and keep it running."""
        instance.wanted = True
        instance.start(self.environment_of(instance))

    async def run(self) -> None:
        """Supervise until cancelled."""
        while True:
            for instance in self.instances:
                if instance.wanted and not instance.alive:
                    self._again(instance)
            await asyncio.sleep(_LOOK_SECONDS)

    def _again(self, instance: Instance) -> None:
        code = instance.process.returncode if instance.process else None
        if code == STOPPED:
            instance.wanted = False
            self.unexpected.append(f"{instance.name} stopped: {last_words(instance)}")
            return
        if instance.killed_at is None:
            # It died at a crash point, or because nobody answered it when it started.
            instance.killed_at = time.monotonic()
            instance.killed_by = "crash point" if instance.armed and code == -signal.SIGKILL else "by itself"
            unreachable = code == _REFUSED and "cannot be reached" in last_words(instance)  # cut off as it started
            if instance.killed_by == "by itself" and self.stores_up.is_set() and not unreachable:
                self.unexpected.append(f"{instance.name} exited with {code}: {last_words(instance)}")
        instance.armed = None if instance.killed_by == "crash point" else instance.armed
        instance.frozen = False
        instance.start(self.environment_of(instance))
        task = asyncio.create_task(self._measure(instance, instance.killed_at, instance.killed_by))
        instance.killed_at, instance.killed_by = None, ""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _measure(self, instance: Instance, since: float, kind: str) -> None:
        process = instance.process
        while time.monotonic() - since < _READY_SECONDS_MAX:
            if not instance.alive or instance.process is not process:
                await asyncio.sleep(_PAUSE_SECONDS)
                return
            if (await instance.health(self.client))[0] == OK:
                undisturbed = self.stores_up.is_set() and self.stores_down_at < since
                if kind != "by itself" and undisturbed and not instance.proxy.frozen:
                    self.recoveries.setdefault("service", []).append(time.monotonic() - since)
                return
            await asyncio.sleep(_LOOK_SECONDS)
        self.unexpected.append(f"{instance.name} did not serve again within {_READY_SECONDS_MAX:g} s")

    async def all_ready(self, seconds: float = 60.0) -> list[str]:
        """Wait until every wanted instance is ready; who is not by then, with what it says."""
        deadline = time.monotonic() + seconds
        late: list[str] = []
        while time.monotonic() < deadline:
            said = {each: await each.health(self.client) for each in self.instances if each.wanted}
            late = [f"{each.name}: {code} {text[:300]}" for each, (code, text) in said.items() if code != OK]
            if not late or any("stopped:" in each for each in late):
                return late
            await asyncio.sleep(0.1)
        return late

    def of(self, service: str) -> list[Instance]:
        """The instances of a service that are meant to run."""
        return [each for each in self.instances if each.service == service and each.wanted]


def last_words(instance: Instance, lines: int = 4) -> str:
    """The end of what the process printed."""
    try:
        said = instance.output.read_text("utf-8", "replace").strip().splitlines()[-lines:]
    except OSError:
        return ""
    return " | ".join(said)[-600:]

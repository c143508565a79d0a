"""From the command to the banner, and what the process costs while nothing happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench._system import cpu_seconds, leadway_command, stop
from bench._table import Line
from leadway.processes import free_port

_MIB = 1024 * 1024
_SETTLE_SECONDS = 3.0
_IDLE_SECONDS = 10.0
_BANNER_SECONDS_MAX = 60.0


def _up(folder: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Start `leadway up`; the process, and the seconds until its banner."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADWAY_")}
    command = [*leadway_command(), "up", "--data-dir", str(folder), "--port", str(free_port())]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = b""
    while b"is ready" not in said:
        line = process.stdout.readline()
        said += line
        ended = not line or time.perf_counter() - started > _BANNER_SECONDS_MAX
        assert not ended, f"no banner: {said.decode()}"
    return process, time.perf_counter() - started


def _bare() -> tuple[float, float]:
    """What FastAPI, SQLAlchemy and uvicorn alone need: seconds to import them, and the memory that they then hold."""
    code = "import asyncpg, fastapi, sqlalchemy.ext.asyncio, uvicorn, uvloop; print('x', flush=True); input()"
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - started, psutil.Process(process.pid).memory_info().rss / _MIB
    finally:
        process.kill()
        process.wait()


def run() -> list[Line]:
    bare_seconds, bare_mib = _bare()
    folder = Path(tempfile.mkdtemp(prefix="leadway-bench-"))
    try:
        process, first_seconds = _up(folder / "data")
        stop(process)
        process, again_seconds = _up(folder / "data")
        try:
            time.sleep(_SETTLE_SECONDS)
            before, started = cpu_seconds([process.pid]), time.perf_counter()
            time.sleep(_IDLE_SECONDS)
            share = 100 * (cpu_seconds([process.pid]) - before) / (time.perf_counter() - started)
            memory_mib = psutil.Process(process.pid).memory_info().rss / _MIB
        finally:
            stop(process)
    finally:
        shutil.rmtree((folder / "data" / "postgres").resolve(), ignore_errors=True)  # as root it is elsewhere
        shutil.rmtree(folder, ignore_errors=True)
    return [
        _line("first start to banner, new data folder", first_seconds, "s", bare_seconds, 10),
        _line("later start to banner", again_seconds, "s", bare_seconds, 10),
        _line("resident, idle, all services, no PostgreSQL", memory_mib, "MiB", bare_mib, 250),
        _line("CPU of that process while idle", share, "%", None, 5),
    ]


def _line(what: str, ours: float, unit: str, bare: float | None, goal: float) -> Line:
    against = "imports of FastAPI, SQLAlchemy, uvicorn" if bare is not None else ""
    return Line("start", what, ours, unit, bare, against, goal, goal_on="ours", at_most=True)

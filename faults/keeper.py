"""A store in a process of its own, told by lines on its standard input: start, stop, kill; each is answered by a line.

Starting a broker takes seconds in which nobody else must stand still, and only a main thread may do it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import psutil

from leadway.database import EmbeddedPostgres
from leadway.eventlog.broker import EmbeddedKafka

# Little memory and few files to copy: what is kept here lives for minutes.
_SMALL = {"shared_buffers": "64MB", "min_wal_size": "80MB", "max_wal_size": "512MB"}


class _Postgres:
    def __init__(self, folder: Path, port: int) -> None:
        self._server = EmbeddedPostgres(folder, port=port, settings=_SMALL)

    def start(self) -> str:
        self._server.start()
        return self._server.tcp_url

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        pid = self._server.pid
        if pid is None:
            return
        postmaster = psutil.Process(pid)
        # All of them at once, as a power cut would: a backend that outlives its postmaster finishes what it is at.
        for process in (postmaster, *postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self._server.stop()


class _Kafka:
    def __init__(self, folder: Path, port: int) -> None:
        self._broker = EmbeddedKafka(folder, port=port)

    def start(self) -> str:
        return self._broker.start()

    def stop(self) -> None:
        self._broker.stop()

    def kill(self) -> None:
        self._broker.kill()


def main(kind: str, folder: str, port: str) -> None:
    """Serve until the standard input ends."""
    store = (_Kafka if kind == "kafka" else _Postgres)(Path(folder), int(port))
    for line in sys.stdin:
        said = ""
        try:
            match line.strip():
                case "start":
                    said = store.start()
                case "stop":
                    store.stop()
                case _:
                    store.kill()
        except Exception as error:  # noqa: BLE001 whoever asked says what became of it
            said = f"failed: {error}".replace("\n", " | ")
        print(said, flush=True)
    store.kill()


if __name__ == "__main__":
    os.setpgid(0, 0)  # Ctrl-C in the terminal reaches the campaign alone
    main(*sys.argv[1:4])

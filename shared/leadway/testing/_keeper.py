"""A server that several test processes share, and that ends when the last of them does.

Whoever needs it first starts a keeper process. Each user holds a shared lock on a file as long as it lives, which the
operating system takes back however it ends; the keeper waits for the exclusive lock, and has it when nobody is left.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import IO, Protocol

from leadway.database import EmbeddedPostgres

_START_S_MAX = 180.0


class KeeperFailed(Exception):
    """The shared server did not start; the message ends with what its keeper said."""


class _Server(Protocol):
    def start(self) -> str: ...
    def destroy(self) -> None: ...


class Share:
    """One process's share in a server; it holds while `close` was not called and the process lives."""

    def __init__(self, kind: str) -> None:
        self._folder = _folder(kind)
        self._folder.mkdir(parents=True, exist_ok=True)
        # The lock on `door` guards coming and going; the one on `users` is held by all who use the server.
        with (self._folder / "door").open("a") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            address = self._folder / "address"
            if not _is_kept(self._folder):
                address.unlink(missing_ok=True)
                _start_keeper(kind, self._folder)
            self._users: IO[str] = (self._folder / "users").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self.address = address.read_text("utf-8")

    def close(self) -> None:
        self._users.close()


def _folder(kind: str) -> Path:
    # One server for each environment and user: test runs side by side share it, checkouts do not.
    place = hashlib.sha256(f"{sys.prefix} {getpass.getuser()}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"leadway-tests-{place}" / kind


def _is_kept(folder: Path) -> bool:
    if not (folder / "address").exists():
        return False
    with (folder / "kept").open("a") as kept:
        try:
            fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False  # its keeper was killed


def _start_keeper(kind: str, folder: Path) -> None:
    log = folder / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "leadway.testing._keeper", kind, folder],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S_MAX
    while not (folder / "address").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.kill()
            keeper.wait()
            raise KeeperFailed(f"the shared {kind} did not start:\n{log.read_text('utf-8', 'replace')[-4000:]}")
        time.sleep(0.01)
    # It outlives this process where others still use its server, so it is not waited for.
    keeper.returncode = 0


def _server(kind: str, data: Path) -> _Server:
    if kind == "postgres":
        return EmbeddedPostgres(data, durable=False, settings={"max_connections": "400"})
    from leadway.eventlog.broker import EmbeddedKafka  # noqa: PLC0415 - its client is heavy; most tests need none

    return EmbeddedKafka(data)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def keep(kind: str, folder: Path) -> None:
    """Run the server until nobody uses it. The one who started us holds the door until `address` is there."""
    signal.signal(signal.SIGTERM, _leave)
    for left in folder.glob("data-*"):  # of a keeper that was killed
        shutil.rmtree(left.resolve(), ignore_errors=True)
        if left.is_symlink():
            left.unlink()
    address = folder / "address"
    server = _server(kind, folder / f"data-{os.getpid()}")
    kept = (folder / "kept").open("a")
    fcntl.flock(kept, fcntl.LOCK_EX)
    try:
        staging = folder / "address.new"
        staging.write_text(server.start(), "utf-8")
        staging.rename(address)
        _wait_until_alone(folder)
    finally:
        server.destroy()
        kept.close()


def _wait_until_alone(folder: Path) -> None:
    while True:
        with (folder / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
        with (folder / "door").open("a") as door, (folder / "users").open("a") as users:
            fcntl.flock(door, fcntl.LOCK_EX)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # somebody came in between
                continue
            (folder / "address").unlink()
            return


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))

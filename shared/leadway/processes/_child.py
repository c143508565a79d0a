from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: the dynamic loader must not run between fork and exec.
_LIBC: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


class NotMainThread(RuntimeError):
    """A child was to be started from another thread than the main one.

    On Linux the signal that ends it with us follows the starting *thread*: the child would die when that thread does.
    """


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user that a child runs as; None of these where it runs as ourselves."""

    uid: int
    gid: int
    name: str


def start_child(
    args: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    end_with: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a long-running child, its output appended to `log`, that gets the signal `end_with` when we die (on Linux).

    It has a session of its own: Ctrl-C in the terminal reaches us alone, and we stop it when nobody needs it any more.
    """
    if threading.current_thread() is not threading.main_thread():
        raise NotMainThread("start it from the main thread")
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the callers name their own programs
            [os.fspath(arg) for arg in args],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd="/",
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), end_with),  # noqa: PLW1509 - it calls prctl and nothing that could lock
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def _die_with(parent: int, ending: signal.Signals) -> Callable[[], None] | None:
    libc = _LIBC
    if libc is None:
        return None

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return arrange


def stop_child(child: subprocess.Popen[bytes], *signals: signal.Signals, patience_s: float = 20.0) -> None:
    """End the child and reap it: each signal in turn is given `patience_s`, then SIGKILL."""
    for ending in (*signals, signal.SIGKILL):
        if child.poll() is not None:
            return
        child.send_signal(ending)
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def free_port() -> int:
    """Return a TCP port of the loopback that was free a moment ago; who takes it next is not ours to say."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

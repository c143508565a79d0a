"""What a server that was killed leaves behind, and when it may be cleared away."""

from __future__ import annotations

import os
from pathlib import Path


def clear_stale_pid_file(cluster: Path) -> None:
    """Remove a `postmaster.pid` that provably names no server any more; in any doubt leave it.

    PostgreSQL does that by itself where the process is gone. Where the id now belongs to a zombie that nobody reaps, or
    to some other program (process ids are few in a container), it refuses to start for ever. The file also guards the
    shared memory of backends that outlived their postmaster: it stays while any process works inside the folder.
    """
    pid_file = cluster / "postmaster.pid"
    if pid_file.exists() and Path("/proc/self/cwd").exists() and not _anyone_inside(cluster.resolve()):
        pid_file.unlink(missing_ok=True)


def _anyone_inside(cluster: Path) -> bool:
    """Say whether a process works in the folder, as all of its server do; a server we may not look at counts as one."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            folder = os.readlink(process / "cwd")  # noqa: PTH115 - a folder that was deleted does not resolve
        except PermissionError:
            if _name(process) == "postgres":
                return True
        except OSError:  # it ended, or is a zombie
            continue
        else:
            if folder == str(cluster):
                return True
    return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8").strip()
    except OSError:
        return ""

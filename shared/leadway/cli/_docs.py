"""`leadway docs`: the generated files of the repository, written or checked."""

from __future__ import annotations

from pathlib import Path

from leadway.cli._console import MISUSED, Failed, out
from leadway.reference import differing, is_repository, pages, write


def docs(folder: Path, *, check: bool) -> None:
    """Write what differs from the code, or with `check` only say it. Raises Failed."""
    if not is_repository(folder):
        raise Failed(f"{folder.resolve()} is no checkout of Leadway", "run it at the repository's root", code=MISUSED)
    wanted = pages(folder)
    if not check:
        changed = write(folder, wanted)
        out.print("\n".join(f"written: {path}" for path in changed) or "nothing to write: all is as the code says")
        return
    stale = differing(folder, wanted)
    if stale:
        raise Failed(
            "no longer as the code says: " + ", ".join(stale), "`make docs` writes them; commit what it writes"
        )
    out.print(f"{len(wanted)} files are as the code says")

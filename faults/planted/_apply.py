"""Putting a bug into a copy of the packages that it touches; the code itself stays as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from faults.planted._bugs import BUGS
from faults.planted._shape import Bug, Edit

ROOT = Path(__file__).parents[2]


def apply(name: str, into: Path) -> dict[str, str]:
    """Copy what the bug `name` touches into the folder, with the bug in it.

    Returns what to add to the environment of processes that are to have it. Raises KeyError for a name that is none,
    LookupError where the code is not what the bug was written for.
    """
    bug = next((each for each in BUGS if each.name == name), None)
    if bug is None:
        raise KeyError(name)
    for edit in bug.edits:
        package = package_of(edit.file)
        shutil.copytree(
            ROOT / package,
            into / within_namespace(package),
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )
    for edit in bug.edits:  # every package is there now, and a second copy would undo the first edit
        copied = into / within_namespace(Path(edit.file))
        copied.write_text(_edited(copied.read_text("utf-8"), edit), "utf-8")
    path = os.pathsep.join(filter(None, [str(into), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def package_of(file: str) -> Path:
    """The folder below the namespace `leadway` that holds a file: it is found first, and as a whole."""
    parts = Path(file).parts
    return Path(*parts[: parts.index("leadway") + 2])


def within_namespace(path: Path) -> Path:
    """A path from the namespace `leadway` on."""
    return Path(*path.parts[path.parts.index("leadway") :])


def broken(bug: Bug) -> list[str]:
    """Why a bug cannot be planted in the code of today; nothing where it can."""
    found: list[str] = []
    for edit in bug.edits:
        file = ROOT / edit.file
        count = file.read_text("utf-8").count(edit.old) if file.exists() else 0
        if count != 1:
            found.append(f"{bug.name}: its place is {count} times in {edit.file}")
    return found


def _edited(text: str, edit: Edit) -> str:
    if text.count(edit.old) != 1:
        raise LookupError(f"{edit.file} is not as the bug expects it: {edit.old.strip()[:80]!r}")
    return text.replace(edit.old, edit.new)

"""The list of planted bugs as the documentation shows it."""

from __future__ import annotations

from faults.planted._bugs import BUGS


def table() -> str:
    """A Markdown table: name, what it breaks, what catches it."""
    lines = ["| Planted bug | What it breaks | Caught by |", "| --- | --- | --- |"]
    for bug in BUGS:
        tests = "<br>".join(f"`{test.rpartition('/')[2]}`" for test in bug.caught_by)
        lines.append(f"| `{bug.name}` | {bug.breaks} | {tests} |")
    return "\n".join(lines)

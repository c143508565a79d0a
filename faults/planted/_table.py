"""The list of planted bugs as the documentation shows it."""

from __future__ import annotations

from faults.planted._bugs import BUGS
from faults.planted._shape import Hunt


def table() -> str:
    """A Markdown table: name, what it breaks, what catches it."""
    lines = [
        "| Planted bug | What it breaks | Caught by the tests | Found by the campaign |",
        "| --- | --- | --- | --- |",
    ]
    for bug in BUGS:
        tests = "<br>".join(f"`{test.rpartition('/')[2]}`" for test in bug.caught_by)
        lines.append(f"| `{bug.name}` | {bug.breaks} | {tests} | {_told(bug.hunt)} |")
    return "\n".join(lines)


def _told(hunt: Hunt | None) -> str:
    if hunt is None:
        return "-"
    only = ",".join(hunt.only)
    return f"{hunt.invariant}: `--seed {hunt.seed} --faults {hunt.faults} --only '{only}'`"

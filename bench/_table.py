"""What a benchmark says: lines with both sides, and one table of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Line:
    """`ours` and `other` in `unit`. The goal is on their ratio, or on our side alone where `other` is only told."""

    bench: str
    what: str
    ours: float
    unit: str
    other: float | None = None
    against: str = ""
    goal: float | None = None
    goal_on: Literal["ratio", "ours"] = "ratio"
    at_most: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours / self.other if self.other else None

    @property
    def reached(self) -> bool | None:
        value = self.ratio if self.goal_on == "ratio" else self.ours
        if self.goal is None or value is None:
            return None
        return value <= self.goal if self.at_most else value >= self.goal


def number(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def show(lines: Sequence[Line]) -> None:
    """Print the table."""
    table = Table(title="Leadway, measured", title_justify="left", show_lines=False)
    for name in ("bench", "measured", "ours", "the other side", "ratio", "goal", ""):
        table.add_column(name, justify="right" if name in {"ours", "ratio", "goal"} else "left")
    for line in lines:
        other = f"{number(line.other, line.unit)} {line.against}".strip()
        sign = "≤" if line.at_most else "≥"
        unit = "×" if line.goal_on == "ratio" else line.unit
        goal = f"{sign} {number(line.goal)} {unit}" if line.goal is not None else ""
        verdict = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[line.reached]
        ratio = number(line.ratio, "×") if line.ratio is not None else ""
        table.add_row(line.bench, line.what, number(line.ours, line.unit), other, ratio, goal, verdict)
    # Wide on purpose: a table that wraps in a log cannot be compared with the next one.
    Console(width=170).print(table)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

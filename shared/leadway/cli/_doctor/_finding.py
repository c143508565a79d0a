"""One line of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.markup import escape

_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is; `remedy` where it is not well."""

    level: Literal["ok", "warn", "fail"]
    what: str
    how: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """As it is printed."""
        remedy = f" [dim]→ {escape(self.remedy)}[/]" if self.remedy else ""
        return f"{_MARKS[self.level]}  {self.what:<24} {escape(self.how)}{remedy}"


def ok(what: str, how: str) -> Finding:
    """It is well."""
    return Finding("ok", what, how)


def warn(what: str, how: str, remedy: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding("warn", what, how, remedy)


def fail(what: str, how: str, remedy: str) -> Finding:
    """It does not work, or facts are in danger."""
    return Finding("fail", what, how, remedy)

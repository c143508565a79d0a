"""A condition that was read, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from leadway.conditions._known import fold
from leadway.conditions._nodes import Node, OneOf, Values
from leadway.conditions._values import FAILED_MAX, Explained

_MATCHED: Final = Explained(matched=True)
_LINE_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Mention:
    """A value that a condition names, and where in its document."""

    value: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition; made by `parse`. `values` map a field's name (`country`, `fields.budget`) to its value."""

    root: Node

    def matches(self, values: Values) -> bool:
        """Whether it holds; the quick way where nobody asks why."""
        return self.root.matches(values)

    def explain(self, values: Values) -> Explained:
        """Whether it holds, and which of its leaves kept it from holding."""
        if self.root.matches(values):
            return _MATCHED
        lines = [_short(line) for line in islice(self.root.failures(values), FAILED_MAX + 1)]
        if len(lines) > FAILED_MAX:
            lines[FAILED_MAX] = "and more"
        return Explained(matched=False, failed=tuple(lines))

    def fields(self) -> frozenset[str]:
        """Every field that it asks for: `country`, `fields.budget`."""
        return frozenset(leaf.field for leaf in self.root.leaves())

    @property
    def asks_form(self) -> bool:
        """Whether it asks for an answer of the form, which is personal data."""
        return any(leaf.field.startswith("fields.") for leaf in self.root.leaves())

    def mentions(self, field: str) -> tuple[Mention, ...]:
        """Every text that the field is compared with, inside `any` and `not` too, and where it is said.

        Those that end in `*` are left out: they are no codes.
        """
        return tuple(
            Mention(value, f"{leaf.pointer}/{index}")
            for leaf in self.root.leaves()
            if isinstance(leaf, OneOf) and leaf.field == field
            for index, value in enumerate(leaf.said)
            if isinstance(value, str) and not value.rstrip().endswith("*")
        )

    def values_of(self, field: str) -> frozenset[str]:
        """The values of `mentions`, as they are compared: without regard to case."""
        return frozenset(fold(mention.value) for mention in self.mentions(field))


def _short(line: str) -> str:
    return line if len(line) <= _LINE_LENGTH_MAX else line[: _LINE_LENGTH_MAX - 1] + "…"

"""What leaves compare, and how what they found is put into words."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, cast

from leadway.conditions._known import fold

FAILED_MAX: Final = 20
_LISTED_MAX: Final = 8
_QUOTED_LENGTH_MAX: Final = 60

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether a condition held, and if not, what kept it from holding, one line for each.

    The lines name the values that were found, save those of `fields.*`: what a person typed into a form is personal,
    and an explanation ends up in facts and logs.
    """

    matched: bool
    failed: tuple[str, ...] = ()


def key_of(name: str, value: object) -> str:
    """What is compared for equality: 5 and "5" are the same answer of a form, 100 and 100.0 the same number."""
    if isinstance(value, str):
        text = fold(value)
        return text.replace(" ", "").replace("-", "") if name == "postal_code" else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def items_of(value: object) -> tuple[object, ...]:
    """The single values of a field; empty where it is missing."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, (int, float)):  # before the question about collections, which costs more than all others
        return (value,)
    if isinstance(value, Collection):
        items = cast("Collection[object]", value)
        return tuple(item for item in items if item is not None and not (isinstance(item, str) and not item.strip()))
    return (value,)


def number_of(value: object) -> float | int | None:
    """A value as a number; an answer of a form arrives as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def quoted(name: str, items: Iterable[object]) -> str:
    """The values that were found, in words; those of the form are not repeated."""
    if name.startswith("fields."):
        return "the answer"
    return listed([f'"{_short(item)}"' if isinstance(item, str) else key_of(name, item) for item in items])


def listed(words: Iterable[str]) -> str:
    """Words in a row, the first few of them."""
    every = [_short(word) for word in words]
    shown = ", ".join(every[:_LISTED_MAX])
    return shown if len(every) <= _LISTED_MAX else f"{shown} and {len(every) - _LISTED_MAX} more"


def _short(text: str) -> str:
    return text if len(text) <= _QUOTED_LENGTH_MAX else text[: _QUOTED_LENGTH_MAX - 1] + "…"

"""Credit models: how a deal's amount is shared among the touches that led to it. A model is one function here.

A model gives each touch a weight; `split` turns weights into minor units that add up to the amount exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Final

Model = Callable[[Sequence[datetime], datetime], Sequence[Fraction]]
"""(when each touch occurred, ascending and not empty; when the opportunity opened) → a weight ≥ 0 each, not all 0."""


def _first(occurred: Sequence[datetime], _: datetime) -> Sequence[Fraction]:
    return [Fraction(int(index == 0)) for index in range(len(occurred))]


def _last(occurred: Sequence[datetime], _: datetime) -> Sequence[Fraction]:
    return [Fraction(int(index == len(occurred) - 1)) for index in range(len(occurred))]


def _linear(occurred: Sequence[datetime], _: datetime) -> Sequence[Fraction]:
    return [Fraction(1)] * len(occurred)


MODELS: Final[Mapping[str, Model]] = MappingProxyType({"first": _first, "last": _last, "linear": _linear})


def split(minor: int, weights: Sequence[Fraction]) -> tuple[int, ...]:
    """Share an amount by weights; the parts sum to it. The largest remainders get a unit more, earlier ones first.

    A negative amount is shared as the positive one is, with the sign turned: what was booked can be booked back.
    """
    total = sum(weights, Fraction(0))
    if total <= 0:
        raise ValueError("weights must not be all zero")
    size = abs(minor)
    exact = [size * weight / total for weight in weights]
    parts = [int(share) for share in exact]
    # Zero weights have no remainder, and the missing units are fewer than the shares that have one.
    order = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in order[: size - sum(parts)]:
        parts[index] += 1
    return tuple(parts if minor >= 0 else [-part for part in parts])

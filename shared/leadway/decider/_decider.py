"""The Decider, and the fold that every state is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F")


# Without slots: a frozen, slotted and generic dataclass cannot be made through its parameters on Python 3.11.
@dataclass(frozen=True)
class Decider(Generic[C, S, F]):
    """How one subject decides: `initial` state, `decide` on a command, `evolve` by a fact.

    `decide(command, state)` gives the facts that follow, () where the command was already carried out or does not
    apply, and raises a Refusal where the caller must be told. `evolve(state, fact)` never fails for an own fact.
    Both are pure: time, ids and all else that a decision needs are in the command.
    """

    initial: S
    decide: Callable[[C, S], Sequence[F]]
    evolve: Callable[[S, F], S]


class _Start(Enum):
    # A mark of its own, because None may be a service's state.
    INITIAL = "initial"


_INITIAL: Final = _Start.INITIAL


def fold(decider: Decider[C, S, F], facts: Iterable[F], state: S | _Start = _INITIAL) -> S:
    """The state after `facts`, in their order, beginning at `state` (default: the decider's initial state)."""
    current = decider.initial if isinstance(state, _Start) else state
    for fact in facts:
        current = decider.evolve(current, fact)
    return current

"""Given facts, when a command, then facts: a decider's test in the words of the business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from leadway.decider import Decider, Refusal, fold

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F")
R = TypeVar("R", bound=Refusal)


def given(decider: Decider[C, S, F], *facts: F) -> Given[C, S, F]:
    """A lead to which `facts` have happened, in their order."""
    return Given(decider, facts)


# Without slots, as Decider: a frozen, slotted and generic dataclass cannot be made through its parameters on 3.11.
@dataclass(frozen=True)
class Given(Generic[C, S, F]):
    """What has happened so far."""

    decider: Decider[C, S, F]
    facts: Sequence[F]

    @property
    def state(self) -> S:
        """The state that the facts add up to."""
        return fold(self.decider, self.facts)

    def when(self, command: C) -> When[C, S, F]:
        """Ask for a command; nothing is decided before `then` or `refused`."""
        return When(self, command)


@dataclass(frozen=True)
class When(Generic[C, S, F]):
    """A command on what has happened so far."""

    given: Given[C, S, F]
    command: C

    def facts(self) -> tuple[F, ...]:
        """What follows from the command."""
        return tuple(self.given.decider.decide(self.command, self.given.state))

    def then(self, *expected: F) -> Given[C, S, F]:
        """Exactly these facts follow, none where none are named; gives the lead after them, to go on from."""
        decided = self.facts()
        assert decided == expected, f"{self.command} led to {decided}, not to {expected}"  # noqa: S101 it is a test's
        return Given(self.given.decider, (*self.given.facts, *expected))

    def refused(self, kind: type[R]) -> R:
        """The command is refused in exactly this way; gives the refusal, to look into."""
        try:
            decided = self.facts()
        except Refusal as refusal:
            if type(refusal) is kind:
                return refusal
            raise
        raise AssertionError(f"{self.command} was not refused but led to {decided}")

"""What a judge says in the end: what it looked at, and each violation with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from leadway.verify._seen import Seen

_KEPT_MAX = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant, judged. `count` may be more than the `violations` kept; `note` says what could not be judged."""

    invariant: str
    title: str
    looked_at: Mapping[str, int]
    violations: tuple[str, ...] = ()
    count: int = 0
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return self.count == 0


@dataclass(slots=True)
class Findings:
    """Gathers evidence against one invariant: all of it is counted, the first of it is kept."""

    invariant: str
    title: str
    looked_at: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])
    _violations: list[str] = field(default_factory=list[str])
    _count: int = 0

    def violated(self, evidence: str) -> None:
        """Something speaks against the invariant."""
        self._count += 1
        if len(self._violations) < _KEPT_MAX:
            self._violations.append(evidence)

    def look(self, what: str, count: int = 1) -> None:
        """So many more of these were looked at."""
        self.looked_at[what] = self.looked_at.get(what, 0) + count

    def note(self, text: str) -> None:
        """Something could not be judged."""
        self.notes.append(text)

    def verdict(self) -> Verdict:
        """What was found."""
        return Verdict(
            self.invariant, self.title, self.looked_at, tuple(self._violations), self._count, "; ".join(self.notes)
        )


class Judge(Protocol):
    """Judges one invariant from facts. A lead's facts are all in one partition: most judges forget with each."""

    def take(self, seen: Seen) -> None:
        """The next fact of the partition, in its order. Each fact comes once: what was sent again is left out."""
        ...

    def partition_ends(self) -> None:
        """The partition had no more."""
        ...

    def verdict(self) -> Verdict:
        """After the last partition."""
        ...

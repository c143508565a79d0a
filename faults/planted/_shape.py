"""What a planted bug is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` stands once in `file` (a path within the repository), and `new` is put in its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Hunt:
    """A short campaign that finds the bug. `only`: the kinds of faults; `invariant`: what it names at the least."""

    invariant: str
    seed: int
    faults: int
    only: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """For `python -m faults`, beside `--plant`."""
        return ("--seed", str(self.seed), "--faults", str(self.faults), "--only", ",".join(self.only))


@dataclass(frozen=True, slots=True)
class Bug:
    """A mutation. `breaks`: what goes wrong for a user. `caught_by`: the tests that fail, as pytest names them."""

    name: str
    breaks: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]
    hunt: Hunt | None = None

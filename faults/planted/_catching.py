"""Running what must catch a bug, on the code with the bug in it: the tests that are named for it, or a campaign."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.planted._apply import ROOT, apply
from faults.planted._shape import Bug, Hunt

_SECONDS_MAX = 300.0
_HUNT_SECONDS_MAX = 900.0
_SOME_FAILED = 1
_VIOLATED = 1
_NAMED = re.compile(r"^VIOLATION (I\d+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of a bug: the tests that failed because of it."""

    bug: Bug
    by: tuple[str, ...]
    seconds: float

    @property
    def is_caught(self) -> bool:
        """Whether each test that is named for it failed."""
        return self.by == self.bug.caught_by


@dataclass(frozen=True, slots=True)
class Found:
    """What a campaign made of a bug: the invariants that it named, and all that it said."""

    hunt: Hunt
    code: int
    named: frozenset[str]
    said: str
    seconds: float

    @property
    def is_found(self) -> bool:
        """Whether it ended as it must, and named what the bug breaks."""
        return self.code == _VIOLATED and self.hunt.invariant in self.named


def hunt(bug: Bug, how: Hunt, *, log: str = "embedded") -> Found:
    """Run the campaign that must find the bug."""
    started = time.monotonic()
    command = [sys.executable, "-m", "faults", "--log", log, "--plant", bug.name, *how.arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=_HUNT_SECONDS_MAX, check=False, text=True)
    named = frozenset(_NAMED.findall(done.stdout))
    return Found(how, done.returncode, named, done.stdout + done.stderr, time.monotonic() - started)


def catch(bug: Bug) -> Caught:
    """Run each test that is named for the bug, with the bug in the code."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leadway-planted-") as folder:
        added = apply(bug.name, Path(folder))
        by = tuple(test for test in bug.caught_by if run_tests([test], added) == _SOME_FAILED)
    return Caught(bug, by, time.monotonic() - started)


def run_tests(tests: Sequence[str], added: Mapping[str, str]) -> int:
    """The exit code of pytest: 0 all passed, 1 some failed, anything else says nothing of the code."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, **added}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, timeout=_SECONDS_MAX, check=False, text=True
    )
    return done.returncode

"""Running the tests that must catch a bug, on the code with the bug in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.planted._apply import ROOT, apply
from faults.planted._shape import Bug

_SECONDS_MAX = 300.0
_SOME_FAILED = 1


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

"""The planted bugs fit the code of today, and what must catch them does."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.planted import BUGS, Bug, apply, broken
from faults.planted._apply import ROOT, within_namespace
from faults.planted._catching import catch, hunt
from faults.planted._table import table

SUREST = "timer-by-the-process-clock"
QUICK = ("rotation-gathered-once-a-batch", "breach-without-asking-the-owner")
BY_NAME = {bug.name: bug for bug in BUGS}
named = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


@named
def test_each_bug_fits_the_code(bug: Bug, tmp_path: Path) -> None:
    assert broken(bug) == []
    added = apply(bug.name, tmp_path)
    assert added["PYTHONPATH"].startswith(str(tmp_path))
    for edit in bug.edits:
        text = (tmp_path / within_namespace(Path(edit.file))).read_text("utf-8")
        assert edit.new in text
        ast.parse(text)


@named
def test_the_tests_that_catch_it_are_there(bug: Bug) -> None:
    assert bug.caught_by
    for test in bug.caught_by:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("name", QUICK)
def test_it_is_caught(name: str) -> None:
    assert catch(BY_NAME[name]).is_caught


def test_a_process_that_is_given_it_imports_the_copy_and_no_other(tmp_path: Path) -> None:
    bug = BY_NAME["timer-by-the-process-clock"]  # it is in the kit and in a service
    modules = [".".join(within_namespace(Path(edit.file)).with_suffix("").parts) for edit in bug.edits]
    code = "import importlib, sys; print(*(importlib.import_module(each).__file__ for each in sys.argv[1:]), sep='\\n')"
    environment = {**os.environ, **apply(bug.name, tmp_path)}
    imported = subprocess.check_output(
        [sys.executable, "-c", code, *modules, "leadway.facts"], env=environment, text=True
    )
    *touched, other = map(Path, imported.splitlines())
    assert touched == [tmp_path / within_namespace(Path(edit.file)) for edit in bug.edits]
    assert not other.is_relative_to(tmp_path)


@pytest.mark.timeout(900)
def test_a_campaign_finds_it_and_names_the_invariant() -> None:
    bug = BY_NAME[SUREST]
    assert bug.hunt is not None
    found = hunt(bug, bug.hunt)
    assert found.is_found, f"exit {found.code}: {found.said[-8000:]}"
    assert found.code == 1
    assert f"\nVIOLATION {bug.hunt.invariant} " in found.said


def test_the_documentation_lists_all_of_them() -> None:
    assert table() in (ROOT / "docs" / "planted-bugs.md").read_text("utf-8")

"""The planted bugs fit the code of today, and what must catch them does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from faults.planted import BUGS, Bug, apply, broken
from faults.planted._apply import ROOT, within_namespace
from faults.planted._catching import catch
from faults.planted._table import table

QUICK = ("rotation-gathered-once-a-batch", "breach-without-asking-the-owner")
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
    (bug,) = (each for each in BUGS if each.name == name)
    assert catch(bug).is_caught


def test_the_documentation_lists_all_of_them() -> None:
    assert table() in (ROOT / "docs" / "planted-bugs.md").read_text("utf-8")

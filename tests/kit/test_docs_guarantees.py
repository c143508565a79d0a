"""Each promise of GUARANTEES.md names what holds it up, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "GUARANTEES.md").read_text("utf-8")
PROMISED, _, NOT_PROMISED = TEXT.partition("## What is not promised")
HOLDERS = re.compile(r"`(I\d+|tests/[^`]+)`")
INVARIANTS = {f"I{number}" for number in range(1, 11)}


def promises() -> list[str]:
    return [" ".join(each.split()) for each in re.split(r"(?m)^- |^## .*$", PROMISED)[1:] if each.strip()]


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise[:60])
def test_each_promise_names_what_holds_it_up(promise: str) -> None:
    holders = HOLDERS.findall(promise)
    assert holders
    for holder in holders:
        if holder in INVARIANTS:
            continue
        path, _, name = holder.partition("::")
        module = ast.parse((ROOT / path).read_text("utf-8"))
        tests = {each.name for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in tests, f"{path} has no {name}"


def test_every_invariant_is_somebody_s_promise() -> None:
    assert set(HOLDERS.findall(PROMISED)) >= INVARIANTS


def test_what_is_not_promised_is_said_and_the_readme_points_here() -> None:
    assert NOT_PROMISED.count("\n- **") >= 5
    assert "(GUARANTEES.md)" in (ROOT / "README.md").read_text("utf-8")

"""I1 against a client's record: what is sent again under its key takes effect once."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadway.verify import Recorder, read_record
from leadway.verify._acknowledged import Acknowledged

PARTNER = {"role": "partner", "partner_id": "ptr_a"}


def against_its_key(folder: Path, op: str, *answers: tuple[str, dict[str, str]]) -> list[str]:
    """What the judge says of one key's answers, beside that the log has nothing of them."""
    path = folder / "record.jsonl"
    with Recorder(path) as recorder:
        for outcome, answer in answers:
            n = recorder.begin(op, subject="lead_a", actor=PARTNER, key="key_a")
            recorder.end(n, outcome, status=201, answer=answer)  # type: ignore[arg-type]
    found = Acknowledged(read_record(path)).verdict().violations
    return [each for each in found if "the log says no such thing" not in each]


@pytest.mark.parametrize(("op", "named"), [("activity", "activity_id"), ("opportunity", "opportunity_id")])
def test_a_key_that_was_answered_with_two_things_is_a_violation(tmp_path: Path, op: str, named: str) -> None:
    (told,) = against_its_key(tmp_path, op, ("done", {named: "x_1"}), ("done", {named: "x_2"}))
    assert told == f"{op} under the key key_a was answered with x_1 (request 1) and with x_2 (request 2)"


def test_the_same_answer_and_one_that_was_lost_are_none(tmp_path: Path) -> None:
    same = ("done", {"activity_id": "x_1"})
    assert against_its_key(tmp_path, "activity", ("unknown", {}), same, ("refused", {}), same) == []

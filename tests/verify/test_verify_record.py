from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leadway.verify import BadRecord, Recorder, read_record

START = datetime(2026, 10, 1, 8, tzinfo=UTC)


class Ticking:
    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=5)
        return self._now


def test_an_operation_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Recorder(path, Ticking()) as recorder:
        n = recorder.begin("claim", subject="lead_a", actor={"role": "partner", "partner_id": "ptr_a"}, key="k")
        recorder.end(n, "refused", status=409, problem="/problems/lead-already-claimed", answer={"x": 1})
    (one,) = read_record(path)
    assert (one.n, one.op, one.lead, one.partner_id, one.key) == (1, "claim", "lead_a", "ptr_a", "k")
    assert (one.outcome, one.status, one.problem) == ("refused", 409, "/problems/lead-already-claimed")
    assert one.ended == one.begun + timedelta(milliseconds=5)


def test_what_was_never_answered_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Recorder(path) as recorder:
        first, second = recorder.begin("capture", key="a"), recorder.begin("capture", key="b")
        recorder.end(second, "done", status=202, answer={"lead_id": "lead_b", "outcome": "captured"})
    assert first == 1
    one, other = read_record(path)
    assert (one.key, one.outcome, one.ended, one.lead) == ("a", "unknown", None, None)
    assert (other.key, other.outcome, other.lead) == ("b", "done", "lead_b")


def test_a_line_is_there_before_the_recorder_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Recorder(path) as recorder:
        recorder.begin("capture")
        assert len(read_record(path)) == 1


def test_a_second_recorder_goes_on_where_the_first_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Recorder(path) as recorder:
        recorder.begin("capture", key="a")
    with path.open("ab") as file:
        file.write(b'{"n": 2, "begun": "2026-')
    with Recorder(path) as recorder:
        assert recorder.begin("capture", key="b") == 2
    assert [one.key for one in read_record(path)] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        '{"n": 1, "begun": "yesterday", "op": "claim"}',
        "not JSON",
        '{"n": 1, "ended": "2026-10-01T08:00:00Z", "outcome": "done"}',
        '{"n": 1, "begun": "2026-10-01T08:00:00Z"}',
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(BadRecord, match=r"record\.jsonl, line 1"):
        read_record(path)

"""Logs hold ids and no people, in files that stay small."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from leadway.telemetry import LogSettings, configure_logs, drop_personal


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_personal_names_are_left_out_at_any_depth() -> None:
    event = {"event": "x", "lead_id": "lead_1", "Email": "a@b", "more": [{"person": {"a": 1}, "n": 2}]}
    assert drop_personal(None, "info", event) == {
        "event": "x",
        "lead_id": "lead_1",
        "Email": "(left out)",
        "more": [{"person": "(left out)", "n": 2}],
    }


def test_the_file_holds_json_lines_from_both_kinds_of_logger(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "leadway.jsonl"
    configure_logs(LogSettings(file=path))
    structlog.get_logger("leadway.test").info("decided", lead_id="lead_1", email="a@b.example")
    logging.getLogger("elsewhere").warning("%s of %s", 1, 2)
    structlog.get_logger("leadway.test").debug("too fine")
    first, second = entries(path)
    assert (first["event"], first["lead_id"], first["email"]) == ("decided", "lead_1", "(left out)")
    assert (first["level"], first["logger"]) == ("info", "leadway.test")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("1 of 2", "warning")


def test_an_exception_says_where_it_came_from_and_nothing_that_was_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "leadway.jsonl"
    configure_logs(LogSettings(file=path))

    def fail(email: str) -> None:
        raise ValueError(f"{email} is no address")

    try:
        fail("someone@example.com")
    except ValueError:
        structlog.get_logger("leadway.test").exception("failed")
        logging.getLogger("elsewhere").exception("failed too")
    assert "example.com" not in path.read_text()
    for entry in entries(path):
        assert entry["exception"][0] == "ValueError"
        assert entry["exception"][-1].startswith("test_telemetry.py:")
    console = capsys.readouterr().err
    assert "failed" in console
    assert "example.com" not in console


def test_the_console_stays_calm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(file=tmp_path / "leadway.jsonl"))
    structlog.get_logger("leadway.test").info("one of many")
    assert capsys.readouterr().err == ""
    structlog.get_logger("leadway.test").warning("look here")
    assert "look here" in capsys.readouterr().err


def test_the_files_are_bounded(tmp_path: Path) -> None:
    configure_logs(LogSettings(file=tmp_path / "leadway.jsonl", file_bytes_max=2_000, files_max=3))
    for number in range(200):
        structlog.get_logger("leadway.test").info("entry", number=number)
    files = list(tmp_path.iterdir())
    assert len(files) == 3
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert entries(tmp_path / "leadway.jsonl")[-1]["number"] == 199

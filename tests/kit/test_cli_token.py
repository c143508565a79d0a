"""`leadway token` and what the command line says where it cannot go on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from leadway.cli import main
from leadway.cli._place import Kept, Place, settings_of
from leadway.web import TokenVerifier, load_or_create_key

PARTNER = "ptr_01h455vb4pex5vsknk084sn02q"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["leadway", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code or 0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA_DIR", "DEPLOYMENT_KEY", "DATABASE_URL", "KAFKA", "BASE_URL"):
        monkeypatch.delenv(f"LEADWAY_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_a_token_names_whom_it_was_issued_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = load_or_create_key(Place(folder).key)
    asked = ("--role", "partner", "--partner", PARTNER, "--subject", "ann", "--ttl", "PT1H")
    assert run(monkeypatch, "token", *asked, "--data-dir", str(folder)) == 0
    caller = TokenVerifier.for_key(key).verify(capsys.readouterr().out.strip())
    assert (caller.role, caller.partner_id, caller.subject) == ("partner", PARTNER, "ann")


def test_a_token_may_be_made_from_a_key_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADWAY_DEPLOYMENT_KEY", "ab" * 32)
    assert run(monkeypatch, "token", "--role", "cam", "--scope", "assigned") == 0
    caller = TokenVerifier.for_key(bytes.fromhex("ab" * 32)).verify(capsys.readouterr().out.strip())
    assert (caller.role, caller.scope) == ("cam", "assigned")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "partner"), "bound to a partner"),
        (("--role", "admin", "--partner", PARTNER), "bound to a partner"),
        (("--role", "partner", "--partner", "ptr_1"), "is no partner"),
        (("--role", "admin", "--ttl", "an hour"), "no ISO 8601 duration"),
        (("--role", "admin", "--scope", "assigned"), "for the role cam"),
    ],
)
def test_flags_that_do_not_go_together_are_refused_clearly(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    load_or_create_key(Place(folder).key)
    assert run(monkeypatch, "token", *arguments, "--data-dir", str(folder)) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.out == ""


def test_no_key_is_made_by_asking_for_a_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "token", "--role", "admin", "--data-dir", str(folder)) == 2
    assert "holds no deployment's key" in capsys.readouterr().err
    assert not folder.exists()


def test_what_neither_flags_nor_environment_say_the_data_folder_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(folder)
    place.keep(Kept(kafka="broker:9092", log="kafka", partitions=5, base_url="http://here:1"))
    place.keep_database_url("postgresql://somewhere/leadway")
    monkeypatch.setenv("LEADWAY_BASE_URL", "http://there:2")
    settings = settings_of(data_dir=folder, kafka="other:9092")
    assert (settings.kafka, settings.partitions) == ("other:9092", 5)
    assert (settings.base_url, settings.database_url) == ("http://there:2", "postgresql://somewhere/leadway")
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_a_setting_of_the_wrong_form_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADWAY_PARTITIONS", "many")
    assert run(monkeypatch, "token", "--role", "admin", "--data-dir", str(folder)) == 2
    assert "LEADWAY_PARTITIONS" in capsys.readouterr().err

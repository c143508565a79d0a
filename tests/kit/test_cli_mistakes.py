"""What is typed or set wrong is answered by a sentence that names it, and by no traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.cli._backing import backing
from leadway.cli._console import Failed
from leadway.cli._key import OtherKey, key_fits, settle_key
from leadway.cli._place import EMBEDDED, Kept, Place
from leadway.cli._trouble import database_trouble, log_trouble
from leadway.database import connect, migrate
from leadway.eventlog import LogError
from leadway.eventlog.broker import EmbeddedKafka, KafkaUnfetched
from leadway.hosting import Settings
from leadway.web import load_or_create_key

PROGRAM = str(Path(sys.executable).with_name("leadway"))
ROOT = Path(__file__).parents[2]
KEY, OTHER = b"k" * 32, b"o" * 32


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEADWAY_")}
    done = subprocess.run(
        [PROGRAM, *arguments],
        check=False,
        capture_output=True,
        timeout=60,
        cwd=folder,
        env={**own, "LEADWAY_DATA_DIR": str(folder / "data"), **environment},
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in said
    return done.returncode, said


@pytest.mark.parametrize("command", ["up", "serve router", "verify", "token --role admin", "tail", "demo", "doctor"])
def test_a_key_that_is_none_is_named_with_its_form_by_every_command(tmp_path: Path, command: str) -> None:
    code, said = run(tmp_path, *command.split(), LEADWAY_DEPLOYMENT_KEY="abc")
    assert code == 2
    for word in ("LEADWAY_DEPLOYMENT_KEY", "32 bytes in hexadecimal", "token_hex(32)"):
        assert word in said
    assert not (tmp_path / "data").exists()


def test_a_key_file_that_holds_none_fails_the_doctor_and_the_token(tmp_path: Path) -> None:
    load_or_create_key(Place(tmp_path / "data").key)
    Place(tmp_path / "data").key.write_text("abc")
    for command in (["doctor"], ["token", "--role", "admin"]):
        code, said = run(tmp_path, *command)
        assert code != 0
        assert "deployment.key holds no key" in said


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["up"], {"LEADWAY_LOG_LEVEL": "LOUD"}, "LEADWAY_LOG_LEVEL: input should be 'DEBUG', 'INFO'"),
        (["up", "--port", "99999"], {}, "--port: input should be less than"),
        (["up", "--host", "192.0.2.1"], {}, "choose one with --host"),
        (["up", "--database", "abc"], {}, "--database: no address of PostgreSQL"),
        (["tail", "--types", "lead.captured,lead.praised"], {}, "no such fact: lead.praised"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_started(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    code, told = run(tmp_path, *arguments, **environment)
    assert code == 2
    assert said in told
    assert not (tmp_path / "data" / "postgres").exists()


def test_levels_are_read_in_any_case_and_empty_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWAY_LOG_LEVEL", "debug")
    monkeypatch.setenv("LEADWAY_KAFKA", "")
    settings = Settings()
    assert (settings.log_level, settings.kafka) == ("DEBUG", None)
    assert "kafka" not in settings.model_fields_set


def test_the_version_is_told(tmp_path: Path) -> None:
    code, said = run(tmp_path, "--version")
    assert code == 0
    assert re.fullmatch(r"leadway \d+\.\d+\S*\n", said)


def test_what_is_to_be_typed_is_printed_as_it_was_called(tmp_path: Path) -> None:
    (tmp_path / "bin").symlink_to(Path(PROGRAM).parent)
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEADWAY_")}
    called = [str(tmp_path / "bin" / "leadway"), "serve", "router"]
    done = subprocess.run(called, check=False, capture_output=True, timeout=60, cwd=tmp_path, env=own, text=True)
    assert "`bin/leadway up`" in done.stderr


@contextmanager
def another_server() -> Generator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>a page of its own</html>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_server_that_is_not_leadway_is_told_as_such_and_not_shown(tmp_path: Path) -> None:
    load_or_create_key(Place(tmp_path / "data").key)
    with another_server() as url:
        code, said = run(tmp_path, "tail", "--url", url)
    assert code == 1
    assert "that is no Leadway" in said
    assert "a page of its own" not in said


async def test_a_database_is_kept_to_the_key_that_it_was_begun_with(database: str) -> None:
    assert await key_fits(database, KEY) is None
    await settle_key(database, KEY)
    await settle_key(database, KEY)
    with pytest.raises(OtherKey, match="begun with another deployment key"):
        await settle_key(database, OTHER)
    assert (await key_fits(database, KEY), await key_fits(database, OTHER)) == (True, False)


async def test_a_service_does_not_start_with_another_key_than_the_databases(database: str, tmp_path: Path) -> None:
    await settle_key(database, KEY)
    said = {"LEADWAY_DATABASE_URL": database, "LEADWAY_DEPLOYMENT_KEY": OTHER.hex()}
    code, told = run(tmp_path, "serve", "scoring", "--port", "0", **said)
    assert code == 3
    assert "begun with another deployment key" in told


async def as_role(engine: AsyncEngine, role: str, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"SET LOCAL ROLE {role}"))
        await connection.execute(text(statement))


async def test_a_login_without_a_right_is_told_which_and_who_grants_it(database: str) -> None:
    engine = connect(database, schema="public")
    name = make_url(database).database
    try:
        async with engine.begin() as connection:
            for role in ("meek", "meeker"):
                await connection.execute(text(f"DROP ROLE IF EXISTS {role}_{name}"))
                await connection.execute(text(f"CREATE ROLE {role}_{name}"))
            await connection.execute(text(f'GRANT CREATE ON DATABASE "{name}" TO meek_{name}'))
        for role, statement in (("meek", "CREATE ROLE leadway_meek"), ("meeker", "CREATE SCHEMA meeker")):
            with pytest.raises(Exception, match="permission denied") as refused:
                await as_role(engine, f"{role}_{name}", statement)
            trouble = database_trouble(refused.value, str(make_url(database).set(username=f"{role}_{name}")))
            wanted = f"ALTER ROLE meek_{name} CREATEROLE" if role == "meek" else f"TO meeker_{name}"
            assert wanted in trouble.remedy
    finally:
        async with engine.begin() as connection:
            await connection.execute(text(f'REVOKE ALL ON DATABASE "{name}" FROM meek_{name}'))
            for role in ("meek", "meeker"):
                await connection.execute(text(f"DROP ROLE {role}_{name}"))
        await engine.dispose()


async def test_a_database_that_there_is_not_is_told_with_what_makes_it(database: str) -> None:
    missing = make_url(database).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(Exception, match="does not exist") as refused:
        await migrate(missing, "scoring", None)
    assert "CREATE DATABASE nowhere OWNER" in database_trouble(refused.value, missing).remedy


def test_an_errors_name_is_said_once() -> None:
    error = LogError("connect: KafkaConnectionError: KafkaConnectionError: Unable to bootstrap")
    assert "connect: KafkaConnectionError: Unable" in str(log_trouble(error, "broker:9092", None))


def test_a_kafka_that_cannot_be_fetched_leaves_nothing_and_says_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(KafkaUnfetched, match="could not be fetched") as failed:
        EmbeddedKafka(tmp_path / "kafka", java_cache=tmp_path / "cache").start()
    assert "needs the network" in str(failed.value)
    assert "Traceback" not in str(failed.value)
    assert not (tmp_path / "kafka").exists()


def test_after_a_kafka_that_did_not_start_no_database_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = Settings(data_dir=tmp_path / "data", kafka=EMBEDDED)
    kept = Kept(database="external", log="kafka embedded")
    with (
        pytest.raises(Failed, match="could not be fetched") as failed,
        backing(settings.model_copy(update={"database_url": "postgresql://somewhere/leadway"}), kept, lambda _: None),
    ):
        pass
    assert "broker.log" not in failed.value.remedy
    assert Place(settings.data_dir).database_url is None
    assert Place(settings.data_dir).kept is None


def test_a_bug_that_is_none_is_refused_with_those_that_there_are() -> None:
    asked = [sys.executable, "-m", "faults", "--plant", "nosuch"]
    done = subprocess.run(asked, check=False, capture_output=True, timeout=60, cwd=ROOT, text=True)
    assert done.returncode == 2
    assert "no such bug to plant: nosuch; there are position-not-fenced" in done.stderr

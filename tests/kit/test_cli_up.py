"""The command line as its users meet it: real processes, one deployment for all tests of this file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from leadway.database import connect

PROGRAM = str(Path(sys.executable).with_name("leadway"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("LEADWAY_")}
START_S_MAX = 60.0


@dataclass
class Up:
    """A running `leadway up`."""

    folder: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def url(self) -> str:
        return json.loads((self.folder / "deployment.json").read_text())["base_url"]


def started(
    arguments: list[str], output: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            [PROGRAM, *arguments], stdout=file, stderr=subprocess.STDOUT, env={**ENVIRONMENT, **(environment or {})}
        )


def wait_for(process: subprocess.Popen[bytes], output: Path, words: str) -> None:
    deadline = time.monotonic() + START_S_MAX
    while words not in output.read_text("utf-8", "replace"):
        assert process.poll() is None, output.read_text("utf-8", "replace")
        assert time.monotonic() < deadline, output.read_text("utf-8", "replace")
        time.sleep(0.05)


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [PROGRAM, *arguments],
        check=False,
        capture_output=True,
        timeout=100,
        env={**ENVIRONMENT, **(environment or {})},
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


@contextmanager
def deployed(folder: Path, *flags: str) -> Generator[Up]:
    """`leadway up` over a folder until it is ready; afterwards it stops cleanly, with all that it started."""
    output = folder.with_name("output")
    process = started(["up", "--data-dir", str(folder), "--port", "0", *flags], output)
    try:
        wait_for(process, output, "is ready")
        servers = psutil.Process(process.pid).children(recursive=True)
        yield Up(folder, process, output)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, "a clean stop"
        assert not (folder / "database.url").exists()
        assert psutil.wait_procs(servers, timeout=10)[1] == [], "PostgreSQL, and Kafka where it is ours, stopped too"
    finally:
        process.kill()
        process.wait()


@contextmanager
def data_folder(under: Path) -> Generator[Path]:
    folder = under / "data"
    try:
        yield folder
    finally:
        # Where the tests run as root, the data are in a folder of PostgreSQL's own, which pytest does not know.
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with data_folder(tmp_path_factory.mktemp("leadway")) as folder, deployed(folder) as running:
        yield running


def test_the_banner_names_everything_and_shows_no_secret(up: Up) -> None:
    said = up.output.read_text("utf-8")
    for word in (up.url, str(up.folder), "admin.token", "leadway demo"):
        assert word in said
    token = (up.folder / "admin.token").read_text().strip()
    key = (up.folder / "deployment.key").read_text().strip()
    assert token not in said
    for name in ("admin.token", "deployment.key", "database.url", "deployment.json"):
        assert (up.folder / name).stat().st_mode & 0o077 == 0, name
    log = (up.folder / "logs" / "leadway.log").read_text()
    assert key not in log
    assert token not in log
    assert all(json.loads(line)["event"] for line in log.splitlines())


def test_it_answers_and_knows_its_own_tokens(up: Up) -> None:
    ready = httpx.get(f"{up.url}/readyz")
    assert ready.json()["status"] == "ready"
    assert all(checks["stage"] == "ok" == checks["database"] for checks in ready.json()["services"].values())
    code, token = run("token", "--role", "admin", "--data-dir", str(up.folder))
    assert code == 0
    answer = httpx.get(f"{up.url}/scoring/v1/model", headers={"Authorization": f"Bearer {token.strip()}"})
    assert answer.status_code == 200


def test_two_over_one_folder_are_refused(up: Up) -> None:
    code, said = run("up", "--data-dir", str(up.folder), "--port", up.url.rpartition(":")[2])
    assert code == 1
    assert f"runs over {up.folder} already at {up.url}" in said, "the folder first, then the port"


@pytest.mark.parametrize("flag", [("--kafka", "somewhere:9092"), ("--database", "postgresql://somewhere/leadway")])
def test_a_folder_is_not_moved_to_another_log_or_database(up: Up, flag: tuple[str, str]) -> None:
    code, said = run("up", "--data-dir", str(up.folder), "--port", "0", *flag)
    assert code == 2
    assert "do not move" in said


def test_a_second_instance_serves_on_the_same_database_and_stops_cleanly(up: Up, tmp_path: Path) -> None:
    output = tmp_path / "output"
    process = started(["serve", "scoring", "--data-dir", str(up.folder), "--port", "0"], output)
    wait_for(process, output, "scoring at http://")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert "Traceback" not in output.read_text("utf-8")


def test_the_demo_goes_from_the_form_to_the_revenue_and_leaves_the_rules_as_they_were(up: Up) -> None:
    code, token = run("token", "--role", "admin", "--data-dir", str(up.folder))
    assert code == 0
    asked = {"Authorization": f"Bearer {token.strip()}"}
    code, said = run("demo", "--data-dir", str(up.folder))
    assert code == 0, said
    for word in ("409 lead-already-claimed", "sla.breached", "deal.amended", "11,900.00 EUR", "all signatures right"):
        assert word in said, said
    assert "Traceback" not in said
    assert token.strip() not in said
    for path in ("/router/v1/rules", "/sla-timer/v1/policies", "/scoring/v1/model"):
        assert "demo:" not in httpx.get(f"{up.url}{path}", headers=asked).text
    partners = httpx.get(f"{up.url}/router/v1/partners", headers=asked).json()["data"]
    assert {partner["status"] for partner in partners} == {"paused"}


def test_after_the_demo_every_service_is_the_fold_of_its_log_and_the_doctor_is_content(up: Up) -> None:
    code, said = run("rebuild", "all", "--check", "--data-dir", str(up.folder))
    assert code == 0, said
    assert "All same" in said
    code, said = run("doctor", "--data-dir", str(up.folder))
    assert code == 0, said
    assert "fail " not in said
    assert "the one that the database was begun with" in said
    assert "All is well." in said
    code, said = run("parked", "list", "--data-dir", str(up.folder))
    assert (code, said.strip()) == (0, "Nothing is parked.")


def test_a_swap_under_a_running_service_is_refused(up: Up) -> None:
    code, said = run("rebuild", "scoring", "--swap", "--data-dir", str(up.folder))
    assert code == 1
    assert "scoring runs as" in said


def test_facts_are_tailed_from_the_first_on_without_people(up: Up, tmp_path: Path) -> None:
    output = tmp_path / "output"
    process = started(["tail", "--from-start", "--types", "campaign.changed", "--data-dir", str(up.folder)], output)
    try:
        httpx.post(
            f"{up.url}/ingest/v1/campaigns",
            headers={"Authorization": f"Bearer {(up.folder / 'admin.token').read_text().strip()}"},
            json={"codes": ["tailed"], "name": "Tailed", "tactic": "test"},
        ).raise_for_status()
        wait_for(process, output, "campaign.changed")
        wait_for(process, output, "name=Tailed")
    finally:
        process.terminate()  # not SIGINT, which is ignored where the tests run in the background of a shell
        assert process.wait(60) in {0, 128 + signal.SIGTERM, -signal.SIGTERM}
    assert "Traceback" not in output.read_text("utf-8")


def test_a_port_that_somebody_has_is_named(database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = run("serve", "scoring", "--port", port, environment={"LEADWAY_DATABASE_URL": database})
    assert code == 2
    assert f"port {port}" in said


def test_a_database_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    environment = {
        "LEADWAY_DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/none",
        "LEADWAY_DATA_DIR": str(tmp_path),
    }
    code, said = run("serve", "scoring", "--port", "0", environment=environment)
    assert code == 1
    assert "the database cannot be reached" in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_an_unknown_service_is_named_with_those_that_there_are() -> None:
    code, said = run("serve", "forecasting")
    assert code == 2
    assert "there is no service 'forecasting'; there are ingest, scoring" in said


async def test_a_service_whose_log_lost_facts_refuses_to_start(database: str, tmp_path: Path) -> None:
    environment = {"LEADWAY_DATABASE_URL": database, "LEADWAY_DATA_DIR": str(tmp_path / "data")}
    output = tmp_path / "output"
    process = started(["serve", "scoring", "--port", "0"], output, environment)
    wait_for(process, output, "scoring at http://")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    engine = connect(database, schema="scoring")
    async with engine.begin() as connection:
        lost = """INSERT INTO sent (topic, partition, sequence, "offset", id) VALUES ('lead-events', 0, 5, 5, 'fact_x')
                  ON CONFLICT (topic, partition) DO UPDATE SET sequence = 5, "offset" = 5, id = 'fact_x'"""
        await connection.execute(text(lost))
    await engine.dispose()
    code, said = run("serve", "scoring", "--port", "0", environment=environment)
    assert code == 3
    assert "the log lost data or is another one" in said
    assert "Traceback" not in said


def test_everything_runs_on_a_kafka_of_its_own_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with data_folder(tmp_path) as folder:
        with deployed(folder, "--kafka", "embedded") as up:
            assert "Kafka" in up.output.read_text("utf-8")
            code, said = run("demo", "--data-dir", str(folder))
            assert code == 0, said
        with deployed(folder):  # the folder says by itself what its log is
            code, said = run("verify", "--json", "--data-dir", str(folder))
            assert code == 0, said
            assert json.loads(said)["facts"] > 0, "what the first run said is on the log of the second"

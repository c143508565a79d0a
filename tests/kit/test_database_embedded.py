from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from leadway.database import EmbeddedPostgres, connect
from leadway.database._binaries import find_binaries, reachable, server_account
from leadway.processes import NotMainThread


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    yield server
    server.destroy()


async def one(url: str, sql: str) -> object:
    engine = connect(url, schema="public")
    try:
        async with engine.begin() as connection:
            return (await connection.execute(text(sql))).scalar_one()
    finally:
        await engine.dispose()


async def test_serves_over_the_socket_and_the_loopback_in_utf8_and_utc(server: EmbeddedPostgres) -> None:
    server.start()
    told = "current_setting('server_encoding') || ' ' || current_setting('timezone')"
    for url in (server.url, server.tcp_url):
        assert await one(url, f"SELECT {told}") == "UTF8 UTC"
    assert await one(server.url, "SELECT lower('ÄÖŁ') || (SELECT datlocale FROM pg_database LIMIT 1)") == "äöłC.UTF-8"


async def test_the_loopback_wants_the_password(server: EmbeddedPostgres) -> None:
    server.start()
    password = server.tcp_url.split("@", maxsplit=1)[0].rsplit(":", 1)[1]
    with pytest.raises(Exception, match="password authentication failed"):
        await one(server.tcp_url.replace(password, "guessed"), "SELECT 1")


async def test_keeps_what_was_committed_over_a_stop(server: EmbeddedPostgres) -> None:
    engine = connect(server.start(), schema="public")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE kept AS SELECT 42 AS answer"))
    await engine.dispose()
    server.stop()
    assert server.pid is None
    assert await one(server.start(), "SELECT answer FROM kept") == 42


async def test_starts_again_after_it_was_killed(server: EmbeddedPostgres) -> None:
    server.start()
    assert server.pid is not None
    killed = psutil.Process(server.pid)
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    assert await one(server.start(), "SELECT 1") == 1


async def test_starts_where_the_stale_pid_file_names_a_living_stranger(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    server.start()
    server.stop()
    stale = tmp_path / "postgres" / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1700000000\n5432\n/tmp\n127.0.0.1\n  1 1\nready   \n")
    assert await one(server.start(), "SELECT 1") == 1


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from leadway.database import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), durable=False); server.start()\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, tmp_path / "postgres"], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (len(gone), alive) == (1, [])
    # Nobody waits for a successor either, though the first may still be stopping.
    successor = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    successor.start()
    assert successor.pid is not None
    successor.destroy()


def test_another_thread_may_not_start_it(server: EmbeddedPostgres) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            server.start()
        except NotMainThread as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_programs_and_data_are_where_the_servers_account_can_reach_them(server: EmbeddedPostgres) -> None:
    account = server_account()
    binaries = find_binaries(account)
    assert binaries.major >= 18
    assert account is None or reachable(binaries.folder / "postgres", account)
    server.start()
    assert server.log.read_text().count("ready to accept connections") == 1

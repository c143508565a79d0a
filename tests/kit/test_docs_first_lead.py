"""The README's first lead, run as it stands: only the address is another one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
URL = "URL=http://127.0.0.1:8080\n"
READY_SECONDS_MAX = 60.0


def first_lead() -> str:
    found = re.search(
        r"<!-- A test runs this block as it stands. -->\n```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL
    )
    assert found, "the README has lost its first lead"
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder in which `leadway up` runs as `make run` starts it, and its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADWAY_")}
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with (tmp_path / "up.out").open("wb") as out:
        up = subprocess.Popen(
            [".venv/bin/leadway", "up", "--port", "0"], cwd=tmp_path, env=environment, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not (tmp_path / ".leadway" / "admin.token").exists():
            assert up.poll() is None, (tmp_path / "up.out").read_text("utf-8")
            assert time.monotonic() < deadline, (tmp_path / "up.out").read_text("utf-8")
            time.sleep(0.1)
        yield tmp_path, json.loads((tmp_path / ".leadway" / "deployment.json").read_text("utf-8"))["base_url"]
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)


def test_the_first_lead_of_the_readme_goes_all_the_way(folder: tuple[Path, str]) -> None:
    where, address = folder
    script = first_lead()
    assert URL in script
    # The README's pause is a person's; a busy machine gets a longer one.
    script = script.replace(URL, f"URL={address}\n").replace("sleep 1\n", "sleep 4\n")
    bash = shutil.which("bash")
    assert bash
    ran = subprocess.run(
        [bash, "-euo", "pipefail", "-c", script], cwd=where, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    answers = [json.loads(each) for each in ran.stdout.replace("}{", "}\n{").splitlines()]
    rules, decisions, accepted, working, chain = answers
    assert rules["rules"][0]["name"] == "by territory"
    assert decisions["decisions"][0]["rule"] == "by territory"
    assert accepted["state"] == "accepted"
    assert working["person"]["first_name"] == "Maria"
    assert chain["assignments"][0]["partner"] == "Vistula IT"

"""A short fault campaign: every kind of fault once, on both logs, and nothing is lost, doubled or too early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faults.injectors import LIVE

ROOT = Path(__file__).parents[2]
SEED = 1
SETTLE_SECONDS = 120  # a slow machine with other tests on it may take long; how long is the long campaign's question


@pytest.mark.timeout(900)
@pytest.mark.parametrize("log", ["embedded", "kafka"])
def test_whatever_breaks_nothing_is_lost_doubled_or_too_early(log: str, tmp_path: Path) -> None:
    count = len(LIVE) + 1  # and one damage to what is stored
    words = ["--log", log, "--seed", SEED, "--faults", count, "--pace", 0.5, "--settle", SETTLE_SECONDS]
    command = [sys.executable, "-m", "faults", *map(str, words), "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert "VIOLATION" not in done.stdout
    assert f"--log {log} --seed {SEED} --faults {count}" in done.stdout, "it says how to repeat it"

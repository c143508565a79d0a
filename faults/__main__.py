"""`python -m faults --log embedded|kafka --seed N --faults N [--only FAULT,…] [--plant NAME]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from faults.campaign import Campaign, Options
from faults.injectors import LIVE
from faults.plan import DAMAGE_NAMES
from faults.planted import BUGS
from faults.report import print_report


def main() -> int:
    """Run campaigns; 0 where nothing was violated."""
    asked = _arguments()
    code = 0
    for log in ("embedded", "kafka") if asked.log == "both" else (asked.log,):
        code = max(code, _one(asked, log))
    return code


def _one(asked: argparse.Namespace, log: str) -> int:
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="leadway-faults-")) / (log if asked.keep else "")
    folder.mkdir(parents=True, exist_ok=True)
    only = tuple(name for name in (asked.only or "").split(",") if name)
    print(f"{asked.faults} faults on the {log} log, seed {asked.seed}", flush=True)
    try:
        options = Options(log, asked.seed, asked.faults, folder, only, asked.pace, asked.settle, asked.plant)
        result = asyncio.run(Campaign(options).run())
        return print_report(options, result)
    finally:
        if not asked.keep:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Break a running Leadway, and check it.")
    parser.add_argument("--log", choices=["embedded", "kafka", "both"], default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--pace", type=float, default=0.9, help="seconds between two faults, on average")
    parser.add_argument("--settle", type=float, default=30.0, help="seconds within which everything must be done")
    parser.add_argument("--plant", help="a bug to put into the services' code: the campaign must find it")
    parser.add_argument("--only", help="these kinds of faults only, separated by commas")
    parser.add_argument("--keep", help="a folder for data and logs, kept afterwards")
    parser.add_argument("--list", action="store_true", help="name all kinds of faults")
    asked = parser.parse_args()
    known = [*LIVE, *DAMAGE_NAMES]
    if asked.list:
        print("\n".join(known))
        sys.exit(0)
    unknown = [name for name in (asked.only or "").split(",") if name and name not in known]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; --list names all")
    bugs = [bug.name for bug in BUGS]
    if asked.plant is not None and asked.plant not in bugs:
        parser.error(f"no such bug to plant: {asked.plant}; there are {', '.join(bugs)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())

"""`python -m faults.planted [NAME…]`: plant each bug, run the tests that must catch it, and print which did.

`--campaign` runs the short campaigns that must find them instead. `--table` prints the list that docs/planted-bugs.md
holds. Exit 0 where the sound code passes all of these tests and each bug was caught by every test that is named for it;
with `--campaign`, where each campaign ended with 1 and named the invariant that the bug breaks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from faults.planted import BUGS, Bug, broken
from faults.planted._catching import catch, hunt, run_tests
from faults.planted._table import table


def main() -> int:
    """Plant and catch; 0 where everything was caught."""
    parser = argparse.ArgumentParser(prog="python -m faults.planted", description="Plant bugs, and see them caught.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these bugs only")
    parser.add_argument("--campaign", action="store_true", help="run the campaigns that find them, not the tests")
    parser.add_argument("--log", choices=["embedded", "kafka"], default="embedded", help="of the campaigns")
    parser.add_argument("--table", action="store_true", help="print the list for the documentation")
    asked = parser.parse_args()
    if asked.table:
        print(table())
        return 0
    known = {bug.name: bug for bug in BUGS}
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no such bug: {', '.join(unknown)}; there are {', '.join(known)}")
    bugs = [known[name] for name in asked.names] or list(BUGS)
    rotten = [line for bug in bugs for line in broken(bug)]
    if rotten:
        print("\n".join(rotten))
        return 1
    return _hunt_all(bugs, asked.log) if asked.campaign else _catch_all(bugs)


def _catch_all(bugs: Sequence[Bug]) -> int:
    tests = sorted({test for bug in bugs for test in bug.caught_by})
    if run_tests(tests, {}) != 0:
        print("the sound code does not pass these tests:", *tests, sep="\n  ")
        return 1
    print(f"the sound code passes the {len(tests)} tests\n", flush=True)
    missed = 0
    for bug in bugs:
        caught = catch(bug)
        missed += not caught.is_caught
        by = ", ".join(test.rpartition("::")[2] for test in caught.by) or "-"
        print(f"{'caught' if caught.is_caught else 'MISSED'}  {bug.name:34} {caught.seconds:6.1f} s  {by}", flush=True)
    print(f"\n{len(bugs) - missed} of {len(bugs)} planted bugs were caught")
    return 1 if missed else 0


def _hunt_all(bugs: Sequence[Bug], log: str) -> int:
    missed = count = 0
    for bug in bugs:
        if bug.hunt is None:
            print(f"-       {bug.name:34} {'':8}  tests only", flush=True)
            continue
        found = hunt(bug, bug.hunt, log=log)
        count += 1
        missed += not found.is_found
        told = f"wanted {bug.hunt.invariant}; exit {found.code}, named {', '.join(sorted(found.named)) or 'nothing'}"
        print(f"{'found' if found.is_found else 'MISSED':6}  {bug.name:34} {found.seconds:6.1f} s  {told}", flush=True)
    print(f"\n{count - missed} of {count} planted bugs were found by a campaign")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

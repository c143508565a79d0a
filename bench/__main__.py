"""`python -m bench [--share S] [NAME …]`: run benchmarks one after the other, then print one table of them all.

With `--share 0.1` those of Leadway under strain take a tenth of their counts or time.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from bench._table import Line, show

STRAINED = ("overload", "claims", "timers", "neighbours", "recovery")
BENCHES = ("start", "ingest", "append", "batch", "latency", "bulk", "rebuild", *STRAINED)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; none: all")
    parser.add_argument("--share", type=float, default=1.0, help=f"of the counts or time of {', '.join(STRAINED)}")
    given = parser.parse_args()
    chosen: list[str] = given.names or list(BENCHES)
    unknown = sorted(set(chosen) - set(BENCHES))
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    lines: list[Line] = []
    for name in chosen:
        started = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        bench = importlib.import_module(f"bench.{name}")
        lines += bench.run(given.share) if name in STRAINED else bench.run()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    show(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench [NAME …]`: run benchmarks one after the other, then print one table of them all."""

from __future__ import annotations

import importlib
import sys
import time

from bench._table import Line, show

BENCHES = ("start", "ingest", "append", "batch", "latency", "bulk", "rebuild")


def main() -> int:
    chosen = sys.argv[1:] or list(BENCHES)
    unknown = sorted(set(chosen) - set(BENCHES))
    if unknown:
        print(f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    lines: list[Line] = []
    for name in chosen:
        started = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        lines += importlib.import_module(f"bench.{name}").run()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    show(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())

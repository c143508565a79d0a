"""The table at the end."""

from __future__ import annotations

from statistics import median

from faults.campaign import Options, Result

_GOALS = {"service": 5.0, "PostgreSQL": 15.0}


def print_report(options: Options, result: Result) -> int:
    """Print faults, recoveries, what the checker looked at, violations and how to repeat it; the exit code."""
    width = max((len(name) for name in result.counts), default=10)
    print(f"\n{'fault':<{width}}  {'count':>5}  violations")
    for name, count in sorted(result.counts.items()):
        print(f"{name:<{width}}  {count:>5}  {result.violations[name]:>10}")
    print(f"{'all':<{width}}  {result.counts.total():>5}  {len(result.said):>10}")
    for name, seconds in sorted(result.recoveries.items()):
        goal = f", goal {_GOALS[name]:g} s" if name in _GOALS else ""
        print(f"recovery of {name}: max {max(seconds):.1f} s, median {median(seconds):.1f} s of {len(seconds)}{goal}")
    ops = sorted({op for op, _ in result.told})
    told = [f"{op} {' '.join(str(result.told[op, o]) for o in ('done', 'refused', 'unknown'))}" for op in ops]
    print(f"the client was told (done, refused, unknown): {', '.join(told)}")
    print(result.looked_at)
    for each in result.said:
        print(f"VIOLATION {each}")
    only = f" --only '{','.join(options.only)}'" if options.only else ""
    only += f" --plant {options.plant}" if options.plant else ""
    command = f"python -m faults --log {options.log} --seed {options.seed} --faults {options.faults}{only}"
    print(f"seed {options.seed}, {result.seconds:.0f} s; to repeat: {command}")
    return 1 if result.said else 0

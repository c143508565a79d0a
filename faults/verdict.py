"""What `leadway verify` says of the system at rest."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from faults.world import World


class _Judged(msgspec.Struct, frozen=True):
    invariant: str
    title: str
    holds: bool
    looked_at: dict[str, int]
    count: int
    violations: list[str]


class _Verified(msgspec.Struct, frozen=True):
    facts: int
    verdicts: list[_Judged]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Violations in words, each with its invariant; `looked_at`: what the checker had before it."""

    violations: list[str] = field(default_factory=list[str])
    looked_at: str = ""

    def and_(self, other: Verdict) -> Verdict:
        """Both."""
        return Verdict([*self.violations, *other.violations], other.looked_at or self.looked_at)

    def __str__(self) -> str:
        return f"{len(self.violations)} violations" if self.violations else "all green"


async def look(world: World, settle_seconds: float) -> Verdict:
    """Run the checker over the client's record, the receiver's, log and databases."""
    files = ("--record", str(world.record), "--received", str(world.receiver.record), "--complete")
    base = await world.base("attribution")
    url = ("--url", base) if base else ()
    code, said, beside = await world.leadway("verify", "--json", "--settle", f"{settle_seconds:g}", *files, *url)
    try:
        verified = msgspec.json.decode(said, type=_Verified)
    except msgspec.MsgspecError:
        return Verdict([f"the checker ended with {code}: {beside.strip()[-2000:]}"])
    violations = [
        f"{each.invariant} {each.title}: {evidence}"
        for each in verified.verdicts
        for evidence in each.violations or ([] if each.holds else [f"{each.count} violations"])
    ]
    return Verdict(violations, _told(verified))


def _told(verified: _Verified) -> str:
    lines = [f"{verified.facts:,} facts were judged at the last look:"]
    for each in verified.verdicts:
        counts = ", ".join(f"{count:,} {what}" for what, count in each.looked_at.items())
        lines.append(f"  {each.invariant:<4} {'holds' if each.holds else 'VIOLATED':<9} {each.title}: {counts}")
    return "\n".join(lines)

"""Which faults in which order: all of it follows from the seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from faults.injectors import DAMAGES, LIVE

GROUP = 50  # faults between two looks
DAMAGE_NAMES = tuple(each.name for each in DAMAGES)


def plan(seed: int, count: int, *, kafka: bool, only: Collection[str] = ()) -> list[list[str]]:
    """Groups of names, together `count`; after each group the system is healed, settled and verified.

    Every kind comes at least once where there is room for it. The last of a group may be a damage, which needs rest.
    """
    chance = Random(f"{seed}/plan")
    kinds = [each for each in LIVE.values() if (kafka or not each.kafka) and (not only or each.name in only)]
    damages = [each for each in DAMAGE_NAMES if not only or each in only]
    chance.shuffle(damages)
    groups_count = max(1, round(count / GROUP)) if kinds else count
    # At most one damage a group, and none in most groups of a long campaign: each costs as much as ten others.
    damaged = (
        [damages[i % len(damages)] for i in range(min(groups_count, 2 * len(damages) if kinds else count))]
        if damages
        else []
    )
    live_count = count - len(damaged) if kinds else 0
    names = [each.name for each in kinds][:live_count]
    weights = [each.weight for each in kinds]
    if live_count > len(names):
        names += [each.name for each in chance.choices(kinds, weights, k=live_count - len(names))]
    chance.shuffle(names)
    groups = _split(names, groups_count)
    for group, damage in zip(groups, damaged, strict=False):
        group.append(damage)
    return groups


def _split(names: Sequence[str], count: int) -> list[list[str]]:
    size, rest = divmod(len(names), count)
    groups: list[list[str]] = []
    start = 0
    for number in range(count):
        stop = start + size + (number < rest)
        groups.append(list(names[start:stop]))
        start = stop
    return groups

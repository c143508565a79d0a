"""Points: how they halve, how a label's cap holds, and how many of them can be kept for ever.

Scores are rounded to two decimals; what they are made of is not rounded at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from leadway.facts.scoring import Contribution

DECIMALS: Final = 2
ENGAGEMENT_KEPT: Final = 24
_NEGLIGIBLE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Tally:
    """A score and its two parts, rounded to two decimals; `score` is the sum of the rounded parts."""

    score: float
    fit: float
    engagement: float


def worth(contribution: Contribution, as_of: datetime) -> float:
    """What is left of a contribution's points: half of them after each half-life, all of them before that began."""
    if contribution.occurred_at is None or not contribution.half_life_seconds:
        return contribution.points
    age_seconds = (as_of - contribution.occurred_at).total_seconds()
    if age_seconds <= 0:
        return contribution.points
    # 2.0 ** -x falls to 0.0 for a very old touch; it never overflows.
    return contribution.points * 2.0 ** -(age_seconds / contribution.half_life_seconds)


def tally(contributions: Iterable[Contribution], as_of: datetime) -> Tally:
    """The score as of an instant. Each label's points count up to its cap (as last given), whatever their order."""
    fit = 0.0
    by_label: dict[str, float] = {}
    caps: dict[str, float | None] = {}
    for contribution in contributions:
        if contribution.occurred_at is None:
            fit += contribution.points
        else:
            label = contribution.label
            by_label[label] = by_label.get(label, 0.0) + worth(contribution, as_of)
            caps[label] = contribution.points_max
    engagement = 0.0
    for label, points in by_label.items():
        cap = caps[label]
        engagement += points if cap is None or points < cap else cap
    rounded = _rounded(fit), _rounded(engagement)
    return Tally(score=_rounded(sum(rounded)), fit=rounded[0], engagement=rounded[1])


def current(contributions: Sequence[Contribution], as_of: datetime) -> tuple[tuple[Contribution, float], ...]:
    """Each contribution with its points as of an instant; those of a capped label share its cap in proportion."""
    values = [worth(contribution, as_of) for contribution in contributions]
    sums: dict[str, float] = {}
    caps: dict[str, float | None] = {}
    for contribution, value in zip(contributions, values, strict=True):
        if contribution.occurred_at is not None:
            sums[contribution.label] = sums.get(contribution.label, 0.0) + value
            caps[contribution.label] = contribution.points_max
    shown: list[tuple[Contribution, float]] = []
    for contribution, value in zip(contributions, values, strict=True):
        cap = caps.get(contribution.label) if contribution.occurred_at is not None else None
        label_sum = sums.get(contribution.label, 0.0)
        share = cap / label_sum if cap is not None and label_sum > cap else 1.0
        shown.append((contribution, _rounded(value * share)))
    return tuple(shown)


def compact(engagement: Sequence[Contribution], as_of: datetime) -> tuple[Contribution, ...]:
    """The same points in at most `ENGAGEMENT_KEPT` contributions, or one for each kind of them where that is more.

    Two that halve alike stay in proportion for ever, so the older may be added to the younger at the younger's
    instant: the sum is the same at every later one, also after a touch that arrives late. What has fallen below a
    millionth of a point is dropped.
    """
    if len(engagement) <= ENGAGEMENT_KEPT:
        return tuple(engagement)
    kept = [each for each in engagement if abs(worth(each, as_of)) >= _NEGLIGIBLE]
    while len(kept) > ENGAGEMENT_KEPT:
        pair = _oldest_alike(kept)
        if pair is None:
            break
        # At the later of both places: a label's cap is the one that was given last.
        kept[max(pair)] = _merged(kept[pair[0]], kept[pair[1]])
        del kept[min(pair)]
    return tuple(kept)


def _kind(contribution: Contribution) -> tuple[str, float | None, float | None]:
    return contribution.label, contribution.half_life_seconds, contribution.points_max


def _oldest_alike(kept: Sequence[Contribution]) -> tuple[int, int] | None:
    """The places of the first two that halve alike, the older one first."""
    waiting: dict[tuple[str, float | None, float | None], int] = {}
    for place in sorted(range(len(kept)), key=lambda place: _age(kept[place])):
        kind = _kind(kept[place])
        if kind in waiting:
            return waiting[kind], place
        waiting[kind] = place
    return None


def _age(contribution: Contribution) -> tuple[float, str]:
    return (contribution.occurred_at.timestamp() if contribution.occurred_at else 0.0), contribution.from_fact


def _merged(older: Contribution, younger: Contribution) -> Contribution:
    assert younger.occurred_at is not None  # noqa: S101 only engagement is compacted, and it all has an instant
    return msgspec.structs.replace(
        younger,
        points=worth(older, younger.occurred_at) + younger.points,
        touches=older.touches + younger.touches,
    )


def _rounded(points: float) -> float:
    # Adding zero turns -0.0, which would be shown as such, into 0.0.
    return round(points, DECIMALS) + 0.0

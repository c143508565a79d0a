from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from leadway.facts.scoring import Contribution
from leadway.scoring.policy import ENGAGEMENT_KEPT, compact, current, tally, worth

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = START + timedelta(days=90)
DAY_SECONDS = 86_400.0

LABELS = {"form": (30 * DAY_SECONDS, 60.0), "page": (7 * DAY_SECONDS, 10.0), "event": (14 * DAY_SECONDS, None)}


def earned(label: str, points: float, at: datetime, fact: str = "fact_1") -> Contribution:
    half_life, cap = LABELS[label]
    return Contribution(
        label=label, points=points, from_fact=fact, occurred_at=at, half_life_seconds=half_life, points_max=cap
    )


def touch_at(label: str, points: int, minutes: int, number: int) -> Contribution:
    return earned(label, float(points), START + timedelta(minutes=minutes), f"fact_{number}")


touches = st.builds(
    touch_at,
    st.sampled_from(sorted(LABELS)),
    st.integers(min_value=1, max_value=30),
    st.integers(min_value=0, max_value=90 * 24 * 60),
    st.integers(min_value=0, max_value=10_000),
)


def test_points_halve_with_each_half_life() -> None:
    touch = earned("event", 40, START)
    assert worth(touch, START) == 40
    assert worth(touch, START + timedelta(days=14)) == 20
    assert worth(touch, START + timedelta(days=28)) == 10


def test_points_do_not_grow_backwards_in_time() -> None:
    assert worth(earned("event", 40, START), START - timedelta(days=14)) == 40


def test_points_of_a_hundred_years_ago_are_none() -> None:
    assert worth(earned("page", 40, START), START + timedelta(days=36_500)) == 0.0


def test_fit_does_not_decay_and_is_told_from_engagement() -> None:
    sums = tally([Contribution(label="known", points=10, from_fact="fact_1"), earned("event", 40, START)], NOW)
    assert sums.fit == 10
    assert sums.engagement == pytest.approx(40 * 2 ** -(90 / 14), abs=0.005)
    assert sums.score == sums.fit + sums.engagement


def test_a_label_counts_up_to_its_cap() -> None:
    views = [earned("page", 4, START, f"fact_{number}") for number in range(5)]
    assert tally(views, START).engagement == 10
    assert tally(views, START + timedelta(days=7)).engagement == 10
    assert tally(views, START + timedelta(days=14)).engagement == 5


def test_what_is_shown_of_a_capped_label_adds_up_to_its_cap() -> None:
    shown = current([earned("page", 4, START, f"fact_{number}") for number in range(5)], START)
    assert [points for _, points in shown] == [2.0, 2.0, 2.0, 2.0, 2.0]


def test_the_cap_of_a_label_is_the_one_given_last() -> None:
    older = earned("page", 20, START)
    newer = Contribution(
        label="page", points=20, from_fact="fact_2", occurred_at=START, half_life_seconds=DAY_SECONDS, points_max=15
    )
    assert tally([older, newer], START).engagement == 15


@holds_for(st.lists(touches, max_size=80), st.randoms(use_true_random=False))
def test_the_order_of_touches_does_not_matter(each: list[Contribution], random: Random) -> None:
    shuffled = list(each)
    random.shuffle(shuffled)
    assert tally(each, NOW).score == pytest.approx(tally(shuffled, NOW).score, abs=0.011)


@holds_for(st.lists(touches, max_size=120), st.integers(min_value=0, max_value=365))
def test_compacting_changes_no_score_now_or_later(each: list[Contribution], days: int) -> None:
    compacted = compact(each, NOW)
    assert len(compacted) <= max(ENGAGEMENT_KEPT, len(LABELS))
    later = NOW + timedelta(days=days)
    assert tally(compacted, later).score == pytest.approx(tally(each, later).score, abs=0.011)


@holds_for(st.lists(touches, min_size=1, max_size=120), touches)
def test_a_touch_that_arrives_late_counts_as_if_it_had_come_in_time(
    each: list[Contribution], late: Contribution
) -> None:
    in_time = tally([*each, late], NOW).score
    assert tally(compact([*compact(each, NOW), late], NOW), NOW).score == pytest.approx(in_time, abs=0.011)


@holds_for(st.lists(touches, max_size=300))
def test_compacting_again_and_again_stays_true(each: list[Contribution]) -> None:
    running: tuple[Contribution, ...] = ()
    for touch in each:
        running = compact([*running, touch], NOW)
        assert len(running) <= ENGAGEMENT_KEPT
    assert sum(touch.touches for touch in running) <= len(each)
    assert tally(running, NOW).score == pytest.approx(tally(each, NOW).score, abs=0.011)


def test_compacting_keeps_the_newest_touches_apart() -> None:
    touches = [earned("event", 1, START + timedelta(hours=hour), f"fact_{hour}") for hour in range(100)]
    kept = compact(touches, NOW)
    assert kept[-1] == touches[-1]
    assert kept[0].touches == 100 - ENGAGEMENT_KEPT + 1

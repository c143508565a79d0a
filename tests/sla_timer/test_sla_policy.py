from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from leadway.facts.sla_timer import ClockPolicy, Policy
from leadway.sla_timer.policy import (
    DEFAULT_POLICIES,
    WallClock,
    compile_policies,
    duration_seconds,
    duration_text,
    plan,
    plan_clock,
)

START = datetime(2026, 3, 6, 16, tzinfo=UTC)
ACCEPT = ClockPolicy(clock="accept", within_seconds=4 * 3600, remind_at=(0.5, 0.75))


class NineToFive:
    """Monday to Friday, eight hours a day: what business hours will be."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        at, left = start, duration
        while left > timedelta(0):
            at += timedelta(minutes=1)
            if at.weekday() < 5 and 9 <= (at - timedelta(minutes=1)).hour < 17:
                left -= timedelta(minutes=1)
        return at


def test_wall_clock_counts_every_hour() -> None:
    planned = plan_clock(ACCEPT, START, WallClock())
    assert planned.due_at == START + timedelta(hours=4)
    assert planned.remind_at == (START + timedelta(hours=2), START + timedelta(hours=3))


def test_another_calendar_needs_no_other_policy() -> None:
    planned = plan_clock(ACCEPT, START, NineToFive())
    assert planned.due_at == datetime(2026, 3, 9, 12, tzinfo=UTC)
    assert planned.remind_at == (datetime(2026, 3, 9, 10, tzinfo=UTC), datetime(2026, 3, 9, 11, tzinfo=UTC))


@holds_for(
    st.integers(min_value=1, max_value=10**8),
    st.lists(st.floats(min_value=0.001, max_value=0.999), max_size=5, unique=True).map(sorted),
)
def test_reminders_come_in_order_and_before_the_deadline(seconds: int, shares: list[float]) -> None:
    policy = ClockPolicy(clock="accept", within_seconds=seconds, remind_at=tuple(shares))
    planned = plan_clock(policy, START, WallClock())
    instants = [START, *planned.remind_at, planned.due_at]
    assert instants == sorted(instants)
    assert len(set(planned.remind_at)) == len(planned.remind_at)


def test_the_first_policy_that_matches_applies() -> None:
    book = compile_policies(
        [
            Policy(name="gold", when={"tier": ["gold"]}, clocks=(ACCEPT,)),
            Policy(name="hot", when={"score": {"min": 80}}),
            Policy(name="rest"),
        ],
        version=2,
    )
    for values, name in (({"tier": "gold", "score": 90}, "gold"), ({"score": 90}, "hot"), ({"tier": "silver"}, "rest")):
        found = book.applying(values)
        assert found is not None
        assert found.name == name


def test_nothing_runs_where_no_policy_matches() -> None:
    assert compile_policies([Policy(name="gold", when={"tier": ["gold"]})], version=1).applying({}) is None


def test_a_fresh_system_has_a_policy() -> None:
    found = compile_policies(DEFAULT_POLICIES, version=0).applying({"tier": "silver"})
    assert found is not None
    assert [planned.clock for planned in plan(found, 0, START, WallClock()).clocks] == ["accept", "first_contact"]


@pytest.mark.parametrize("text", ["", "4 hours", "PT0S", "-PT4H", "P1M", "PT0.5S", "4"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        duration_seconds(text)


@holds_for(st.integers(min_value=1, max_value=10**8))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    assert duration_seconds(duration_text(seconds)) == seconds


def test_durations_are_written_for_people() -> None:
    assert [duration_text(each) for each in (3, 4 * 3600, 14 * 86_400, 90_061)] == [
        "PT3S",
        "PT4H",
        "P14D",
        "P1DT1H1M1S",
    ]

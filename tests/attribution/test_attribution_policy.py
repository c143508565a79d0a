from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, strategies

from leadway.attribution.policy import (
    MODELS,
    BadCursor,
    Booked,
    By,
    CampaignCodes,
    Entry,
    Period,
    Sale,
    Touched,
    entries,
    read_cursor,
    roi,
    spend_within,
    split,
    touch_set,
    write_cursor,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AMOUNTS = strategies.integers(-(10**15), 10**15)


def touch(number: int, campaign: str | None, days: int = 0) -> Touched:
    return Touched(f"fact_{number}", NOW + days * DAY, campaign, f"tactic of {campaign}", f"src_{number % 2}")


def sale(*touches: Touched, bookings: tuple[int, ...] = (100,), opened: int = 10) -> Sale:
    booked = [Booked(f"fact_b{index}", NOW + (20 + index) * DAY, minor, "EUR") for index, minor in enumerate(bookings)]
    return Sale("deal_1", NOW + opened * DAY, "ptr_1", "DE", touches, booked)


def credit(found: list[Entry]) -> dict[str | None, int]:
    total: Counter[str | None] = Counter()
    for entry in found:
        total[entry.key] += entry.credit
    return dict(total)


class TestSplit:
    @given(minor=AMOUNTS, weights=strategies.lists(strategies.fractions(0, 100), min_size=1, max_size=60))
    def test_parts_sum_to_the_amount_to_the_minor_unit(self, minor: int, weights: list[Fraction]) -> None:
        if not any(weights):
            weights.append(Fraction(1))
        parts = split(minor, weights)
        assert sum(parts) == minor
        exact = [minor * weight / sum(weights) for weight in weights]
        assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)

    @given(minor=AMOUNTS, count=strategies.integers(1, 50))
    def test_what_is_booked_back_cancels_what_was_booked(self, minor: int, count: int) -> None:
        weights = [Fraction(1)] * count
        assert [a + b for a, b in zip(split(minor, weights), split(-minor, weights), strict=True)] == [0] * count

    def test_the_odd_units_go_to_the_earlier_touches(self) -> None:
        assert split(100, [Fraction(1)] * 3) == (34, 33, 33)
        assert split(-101, [Fraction(1)] * 3) == (-34, -34, -33)

    def test_no_weight_at_all_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="all zero"):
            split(1, [Fraction(0)])


class TestRevenue:
    def test_the_models(self) -> None:
        deal = sale(touch(1, "a", 1), touch(2, "b", 2), touch(3, "a", 3))
        found = {name: credit(list(entries(deal, "campaign", model))) for name, model in MODELS.items()}
        assert found == {"first": {"a": 100, "b": 0}, "last": {"a": 100, "b": 0}, "linear": {"a": 67, "b": 33}}

    def test_influenced_revenue_is_whole_for_each_campaign(self) -> None:
        deal = sale(touch(1, "a", 1), touch(2, "b", 2), touch(3, "a", 3))
        assert {entry.key: entry.revenue for entry in entries(deal, "campaign", MODELS["linear"])} == {
            "a": 100,
            "b": 100,
        }

    def test_only_touches_that_name_a_campaign_up_to_the_opening_count(self) -> None:
        deal = sale(touch(1, None, 1), touch(2, "b", 10), touch(3, "c", 11))
        assert [counted.fact_id for counted in touch_set(deal)] == ["fact_2"]

    def test_a_window_leaves_out_what_is_long_ago(self) -> None:
        deal = sale(touch(1, "a", 1), touch(2, "b", 9))
        assert credit(list(entries(deal, "campaign", MODELS["first"], window=3 * DAY))) == {"b": 100}

    def test_touches_of_one_instant_are_ordered_by_fact(self) -> None:
        deal = sale(touch(2, "b", 1), touch(1, "a", 1))
        assert credit(list(entries(deal, "campaign", MODELS["first"]))) == {"a": 100, "b": 0}

    def test_without_touches_the_key_is_null(self) -> None:
        assert list(entries(sale(), "campaign", MODELS["linear"])) == [Entry(None, "EUR", 100, 100)]

    @pytest.mark.parametrize(("by", "key"), [("partner", "ptr_1"), ("geography", "DE")])
    def test_partner_and_geography_get_the_whole_deal(self, by: By, key: str) -> None:
        assert list(entries(sale(touch(1, "a", 1)), by, MODELS["linear"])) == [Entry(key, "EUR", 100, 100)]

    def test_each_booking_counts_at_its_own_date(self) -> None:
        deal = sale(touch(1, "a", 1), bookings=(100, 50, -150))
        amended = Period(NOW + 21 * DAY, NOW + 22 * DAY)
        assert credit(list(entries(deal, "campaign", MODELS["linear"], period=amended))) == {"a": 50}

    def test_a_deal_booked_back_leaves_nothing_behind(self) -> None:
        deal = sale(*[touch(number, f"c{number}", 1) for number in range(3)], bookings=(100, 1, -101))
        assert set(credit(list(entries(deal, "campaign", MODELS["linear"]))).values()) == {0}

    @given(
        bookings=strategies.lists(AMOUNTS, min_size=1, max_size=6).map(tuple),
        touches=strategies.lists(
            strategies.builds(
                touch, strategies.integers(0, 99), strategies.sampled_from([None, "a", "b", "c"]), strategies.just(1)
            ),
            max_size=40,
        ),
        model=strategies.sampled_from(sorted(MODELS)),
        by=strategies.sampled_from(["campaign", "tactic", "source"]),
        cut=strategies.integers(19, 27),
    )
    def test_credit_sums_to_the_amount_and_so_do_its_periods(
        self, bookings: tuple[int, ...], touches: list[Touched], model: str, by: By, cut: int
    ) -> None:
        deal = sale(*touches, bookings=bookings)
        whole = list(entries(deal, by, MODELS[model]))
        assert sum(entry.credit for entry in whole) == sum(bookings)
        early = list(entries(deal, by, MODELS[model], period=Period(end=NOW + cut * DAY)))
        late = list(entries(deal, by, MODELS[model], period=Period(start=NOW + cut * DAY)))
        assert sorted(map(repr, early + late)) == sorted(map(repr, whole))


class TestSpend:
    def test_a_period_takes_its_share_of_the_days(self) -> None:
        first, last = date(2026, 1, 1), date(2026, 1, 10)
        half = Period(datetime(2026, 1, 6, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
        assert spend_within(1000, first, last, half) == 500
        assert spend_within(-1000, first, last, half) == -500
        assert spend_within(1000, first, last, Period()) == 1000
        assert spend_within(1000, first, last, Period(end=datetime(2025, 1, 1, tzinfo=UTC))) == 0

    def test_the_last_of_all_days_is_a_day_like_any_other(self) -> None:
        first, last = date(9999, 12, 30), date.max
        assert spend_within(1000, first, last, Period()) == 1000
        end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert spend_within(1000, first, last, Period(end=end)) == 1000
        assert spend_within(1000, first, last, Period(start=end)) == 0

    @given(minor=AMOUNTS, days=strategies.integers(1, 400), cut=strategies.integers(-10, 420))
    def test_two_periods_share_a_spend_almost_exactly(self, minor: int, days: int, cut: int) -> None:
        first = date(2026, 1, 1)
        at = datetime(2026, 1, 1, tzinfo=UTC) + cut * DAY
        last = first + timedelta(days=days - 1)
        parts = spend_within(minor, first, last, Period(end=at)) + spend_within(minor, first, last, Period(start=at))
        assert abs(parts - minor) <= 1

    def test_return_on_spend(self) -> None:
        assert roi(300, 100) == 2
        assert roi(50, 100) == -0.5
        assert roi(50, 0) is None


class TestCampaignCodes:
    def test_a_code_added_later_collects_earlier_touches(self) -> None:
        assert CampaignCodes({"cmp_1": ["a"]}).resolve(["new", "a"]) == "cmp_1"
        assert CampaignCodes({"cmp_1": ["a"], "cmp_2": ["New "]}).resolve(["new", "a"]) == "cmp_2"

    def test_what_was_known_at_capture_is_the_last_resort(self) -> None:
        assert CampaignCodes({}).resolve(["x"], "cmp_9") == "cmp_9"
        assert CampaignCodes({}).resolve(["x"]) is None


class TestCursor:
    @given(
        strategies.dictionaries(
            strategies.tuples(strategies.sampled_from(["lead-events", "catalog-events"]), strategies.integers(0, 63)),
            strategies.integers(1, 2**60),
        )
    )
    def test_a_cursor_comes_back_as_it_went(self, cursor: dict[tuple[str, int], int]) -> None:
        assert read_cursor(write_cursor(cursor)) == cursor

    @pytest.mark.parametrize("word", ["!", "abc", "x" * 9000, "gA==", "é"])
    def test_other_words_are_refused(self, word: str) -> None:
        with pytest.raises(BadCursor):
            read_cursor(word)

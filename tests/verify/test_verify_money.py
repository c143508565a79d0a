"""I6: to the cent, in each currency, in bookings and in reports."""

from __future__ import annotations

from trail import PARTITION, START, judged

from leadway.facts import Fact
from leadway.facts.dealreg import DealAmended, DealReopened, DealWon
from leadway.facts.terms import Money
from leadway.verify._credit import Booking, Books, Credit, Credited


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def won(minor: int) -> DealWon:
    return DealWon(lead_id="lead_a", deal_id="deal_a", amount=eur(minor), closed_at=START)


def amended(minor: int, previous: int) -> DealAmended:
    return DealAmended(
        lead_id="lead_a", deal_id="deal_a", amount=eur(minor), previous=eur(previous), effective_at=START
    )


def booked(*minors: int, read_to: int = 10) -> Books:
    bookings = [Booking("deal_a", f"fact_{place}", minor, "EUR") for place, minor in enumerate(minors)]
    return Books(bookings, {PARTITION: read_to})


def found(books: Books, *facts: Fact, credited: int | None = None) -> list[str]:
    reports = None if credited is None else [Credited("campaign, model linear", {"EUR": credited})]
    return judged(Credit(books, reports), *facts)


def test_what_was_won_and_amended_is_booked_as_differences() -> None:
    assert found(booked(1000, -250), won(1000), amended(750, 1000), credited=750) == []


def test_a_deal_that_is_open_again_brings_nothing() -> None:
    reopened = DealReopened(lead_id="lead_a", deal_id="deal_a", booked=eur(1000))
    assert found(booked(1000, -1000), won(1000), reopened, credited=0) == []


def test_a_cent_too_little_is_a_violation() -> None:
    (told,) = found(booked(999), won(1000))
    assert told == "deal_a: deal.won.v1 at lead-events/0/0 brought 1000 EUR, and 999 EUR is booked"
    (credit,) = found(booked(1000), won(1000), credited=999)
    assert credit == "revenue by campaign, model linear credits 999 EUR, deals brought 1000 EUR"


def test_what_is_not_booked_or_booked_for_nothing_is_a_violation() -> None:
    (missing,) = found(booked(), won(1000))
    assert missing.endswith("brought 1000 EUR, and nothing is booked")
    (invented,) = found(booked(1000, 5), won(1000))
    assert invented == "deal_a: 5 EUR are booked for fact_1, which the log does not say"
    double = Books([Booking("deal_a", "fact_0", 1000, "EUR")] * 2, {PARTITION: 10})
    (twice,) = found(double, won(1000))
    assert twice == "deal_a: fact_0 is booked twice"


def test_an_amendment_of_another_amount_than_the_logs_is_a_violation() -> None:
    (told,) = found(booked(1000, -250), won(1000), amended(750, 900))
    assert told == "deal_a: deal.amended.v1 at lead-events/0/1 goes from 900 EUR, where the log has 1000 EUR"


def test_what_attribution_has_not_read_yet_is_not_missed() -> None:
    assert found(booked(read_to=0), won(1000), credited=0) == []

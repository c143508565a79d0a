"""What amounts of money may be."""

from __future__ import annotations

from leadway.facts.terms import Money
from leadway.money import MINOR_MAX, amount_faults, known_currency


def test_currencies_are_those_of_iso_4217() -> None:
    assert known_currency("EUR")
    assert not known_currency("eur")
    assert not known_currency("XXX")


def test_amounts_are_whole_positive_and_of_a_currency() -> None:
    assert amount_faults(Money(0, "EUR"), "#/amount") == ()
    assert [fault.pointer for fault in amount_faults(Money(0, "EUR"), "#/amount", sign="positive")] == [
        "#/amount/minor"
    ]
    pointers = [fault.pointer for fault in amount_faults(Money(-1, "eur"), "#/amount")]
    assert pointers == ["#/amount/minor", "#/amount/currency"]


def test_a_correction_may_be_negative_but_not_nothing() -> None:
    assert amount_faults(Money(-1, "EUR"), "#/amount", sign="not_zero") == ()
    assert amount_faults(Money(0, "EUR"), "#/amount", sign="not_zero") != ()
    assert amount_faults(Money(-MINOR_MAX - 1, "EUR"), "#/amount", sign="not_zero") != ()

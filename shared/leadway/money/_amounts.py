"""What an amount may be."""

from __future__ import annotations

from typing import Final, Literal

from leadway.decider import Fault
from leadway.facts.terms import Money
from leadway.money._currencies import known_currency

MINOR_MAX: Final = 2**53 - 1
"""What every JSON reader takes without rounding."""

_TOO_LOW: Final = {
    "not_negative": "an amount is not negative",
    "positive": "an amount above zero is needed here",
    "not_zero": "an amount other than zero is needed here",
}


def amount_faults(
    amount: Money, pointer: str, *, sign: Literal["not_negative", "positive", "not_zero"] = "not_negative"
) -> tuple[Fault, ...]:
    """What is wrong with an amount: its sign, its size, an unknown currency. `pointer` names the amount."""
    faults: list[Fault] = []
    wrong = {"not_negative": amount.minor < 0, "positive": amount.minor <= 0, "not_zero": amount.minor == 0}
    if wrong[sign]:
        faults.append(Fault(f"{pointer}/minor", _TOO_LOW[sign]))
    elif abs(amount.minor) > MINOR_MAX:
        faults.append(Fault(f"{pointer}/minor", f"an amount is at most {MINOR_MAX} minor units"))
    if not known_currency(amount.currency):
        faults.append(Fault(f"{pointer}/currency", "a currency is an ISO 4217 code in capitals, such as EUR"))
    return tuple(faults)

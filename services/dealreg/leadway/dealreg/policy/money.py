"""Amounts: integer minor units of an ISO 4217 currency, never a fraction, never two currencies added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from leadway.decider import Fault
from leadway.facts import Fact
from leadway.facts.dealreg import DealAmended, DealReopened, DealWon
from leadway.facts.terms import Money

# ISO 4217, the currencies in use (without funds, metals and testing codes).
_CURRENCY_CODES: Final = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CURRENCY_CODES.split())
# What every JSON reader takes without rounding.
MINOR_MAX: Final = 2**53 - 1


def amount_faults(amount: Money, pointer: str, *, positive: bool = False) -> tuple[Fault, ...]:
    """What is wrong with an amount: negative (or zero, where it must be positive), too large, an unknown currency."""
    faults: list[Fault] = []
    if amount.minor < 0:
        faults.append(Fault(f"{pointer}/minor", "an amount is not negative"))
    elif amount.minor == 0 and positive:
        faults.append(Fault(f"{pointer}/minor", "an amount above zero is needed here"))
    elif amount.minor > MINOR_MAX:
        faults.append(Fault(f"{pointer}/minor", f"an amount is at most {MINOR_MAX} minor units"))
    if amount.currency not in CURRENCIES:
        faults.append(Fault(f"{pointer}/currency", "a currency is an ISO 4217 code in capitals, such as EUR"))
    return tuple(faults)


def booking(fact: Fact) -> tuple[datetime | None, int] | None:
    """(booked at, minor units) that a fact adds to revenue; None where it adds none.

    A reopened deal is booked back at the time of its fact, which the envelope has: the instant is None.
    """
    match fact:
        case DealWon():
            return fact.closed_at, fact.amount.minor
        case DealAmended():
            return fact.effective_at, fact.amount.minor - fact.previous.minor
        case DealReopened() if fact.booked is not None:
            return None, -fact.booked.minor
        case _:
            return None


def revenue(facts: Iterable[Fact]) -> int:
    """The sum of what facts book, in minor units; of deals in one currency."""
    return sum(booked[1] for booked in map(booking, facts) if booked is not None)

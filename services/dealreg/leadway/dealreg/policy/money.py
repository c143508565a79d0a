"""What deals book: integer minor units, never a fraction, never two currencies added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from leadway.facts import Fact
from leadway.facts.dealreg import DealAmended, DealReopened, DealWon


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

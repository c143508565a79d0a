"""Entries of many deals, gathered by key and currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadway.attribution.policy.credit import Model
from leadway.attribution.policy.revenue import ALWAYS, By, Period, Sale, entries, keys_of


@dataclass(slots=True)
class Amounts:
    """Sums in minor units of one currency."""

    revenue: int = 0
    credit: int = 0
    spend: int = 0


@dataclass(slots=True)
class Line:
    """What came together under one key."""

    deals_won: int = 0
    amounts: dict[str, Amounts] = field(default_factory=dict[str, Amounts])

    def of(self, currency: str) -> Amounts:
        """The sums in a currency."""
        return self.amounts.setdefault(currency, Amounts())


def report(
    sales: Iterable[tuple[Sale, datetime | None]],
    by: By,
    model: Model,
    *,
    window: timedelta | None = None,
    period: Period = ALWAYS,
) -> dict[str | None, Line]:
    """Lines by key; each sale comes with when it was won (None: it is not, or not any more)."""
    lines: dict[str | None, Line] = {}
    for sale, won_at in sales:
        for entry in entries(sale, by, model, window=window, period=period):
            sums = lines.setdefault(entry.key, Line()).of(entry.currency)
            sums.revenue += entry.revenue
            sums.credit += entry.credit
        if won_at is not None and period.holds(won_at):
            for key in keys_of(sale, by, window):
                lines.setdefault(key, Line()).deals_won += 1
    return lines

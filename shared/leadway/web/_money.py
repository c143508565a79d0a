"""Money as callers send it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadway.facts.terms import Money
from leadway.money import MINOR_MAX
from leadway.web._commands import Command


# Its shape only: what sign it may have, and whether there is such a currency, `leadway.money.amount_faults` says.
class MoneyBody(Command):
    """An amount in minor units (cents) of an ISO 4217 currency."""

    minor: Annotated[int, Field(strict=True, ge=-MINOR_MAX, le=MINOR_MAX)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]

    def money(self) -> Money:
        """The amount as facts carry it."""
        return Money(self.minor, self.currency)

"""Amounts of money, in every service alike: integer minor units of an ISO 4217 currency. Pure."""

from leadway.money._amounts import MINOR_MAX, amount_faults
from leadway.money._currencies import CURRENCIES, known_currency

__all__ = ["CURRENCIES", "MINOR_MAX", "amount_faults", "known_currency"]

"""Instants as callers send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

_YEAR_MIN: Final = 1970
_YEAR_MAX: Final = 9998
_EARLIEST: Final = datetime(_YEAR_MIN, 1, 1, tzinfo=UTC)
_TOO_LATE: Final = datetime(_YEAR_MAX + 1, 1, 1, tzinfo=UTC)


def _reckonable(at: datetime) -> datetime:
    # Every zone, and a day more or less, is still a date that Python and PostgreSQL know.
    if not _EARLIEST <= at < _TOO_LATE:
        raise ValueError(f"must be in the years {_YEAR_MIN} to {_YEAR_MAX}, in UTC")
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_reckonable)]
"""An instant in a body or query, given in UTC: RFC 3339 with its time zone, in the years 1970 to 9998."""

"""How time passes for a deadline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Calendar(Protocol):
    """Adds working time to an instant. What counts as working time is the calendar's own."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant (UTC) at which `duration` has passed since `start`; never before `start`."""
        ...


class WallClock:
    """Every hour counts."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """`start` and `duration` later."""
        return start + duration

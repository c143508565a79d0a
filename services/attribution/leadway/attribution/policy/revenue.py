"""Who gets how much of which booking.

Revenue is the fold of bookings: won, amended (the difference), reopened (booked back), each at its own date. A
booking's credit is the model's split of the deal's amount after it minus the split before it. So the credits of each
booking sum to the booking, those of all bookings to the deal's amount, and a deal booked back leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, get_args

from leadway.attribution.policy.credit import Model, split

By = Literal["campaign", "partner", "tactic", "geography", "source"]
BY: Final[tuple[By, ...]] = get_args(By)


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant (inclusive) to another (exclusive); None: unbounded."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether an instant is inside."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


ALWAYS: Final = Period()


@dataclass(frozen=True, slots=True)
class Touched:
    """A touch that may get credit: `campaign` None where it names none that is known."""

    fact_id: str
    occurred_at: datetime
    campaign: str | None = None
    tactic: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """An amount that a fact booked on a deal, negative where it took back."""

    fact_id: str
    at: datetime
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A deal with what credit needs. `opened_at`: the opportunity's opening, else the registration."""

    deal_id: str
    opened_at: datetime
    partner: str | None = None
    geography: str | None = None
    touches: Sequence[Touched] = ()
    bookings: Sequence[Booked] = field(default=())  # in log order, all of them


@dataclass(frozen=True, slots=True)
class Entry:
    """What one booking gives to one key. `revenue`: the whole booking where the key took part in it (influenced)."""

    key: str | None
    currency: str
    revenue: int
    credit: int


def touch_set(sale: Sale, window: timedelta | None = None) -> list[Touched]:
    """The touches that count for a deal: naming a campaign, up to the opening (within `window` before it), in order."""
    earliest = None if window is None else sale.opened_at - window
    counted = [
        touch
        for touch in sale.touches
        if touch.campaign is not None
        and touch.occurred_at <= sale.opened_at
        and (earliest is None or touch.occurred_at >= earliest)
    ]
    return sorted(counted, key=lambda touch: (touch.occurred_at, touch.fact_id))


def keys_of(sale: Sale, by: By, window: timedelta | None = None) -> set[str | None]:
    """The keys that took part in a deal."""
    match by:
        case "partner":
            return {sale.partner}
        case "geography":
            return {sale.geography}
        case _:
            return {_key(touch, by) for touch in touch_set(sale, window)} or {None}


def entries(
    sale: Sale, by: By, model: Model, *, window: timedelta | None = None, period: Period = ALWAYS
) -> Iterable[Entry]:
    """What each booking of the deal within `period` gives to each key."""
    if by == "partner":
        yield from _whole(sale, sale.partner, period)
        return
    if by == "geography":
        yield from _whole(sale, sale.geography, period)
        return
    touches = touch_set(sale, window)
    if not touches:
        yield from _whole(sale, None, period)
        return
    yield from _split(sale, by, model, touches, period)


def _whole(sale: Sale, key: str | None, period: Period) -> Iterable[Entry]:
    for booking in sale.bookings:
        if period.holds(booking.at):
            yield Entry(key, booking.currency, booking.minor, booking.minor)


def _split(
    sale: Sale, by: Literal["campaign", "tactic", "source"], model: Model, touches: list[Touched], period: Period
) -> Iterable[Entry]:
    weights = model([touch.occurred_at for touch in touches], sale.opened_at)
    keys = [_key(touch, by) for touch in touches]
    totals: dict[str, int] = {}
    for booking in sale.bookings:
        before = totals.get(booking.currency, 0)
        after = totals[booking.currency] = before + booking.minor
        if not period.holds(booking.at):
            continue
        credit: dict[str | None, int] = {}
        for key, gets, had in zip(keys, split(after, weights), split(before, weights), strict=True):
            credit[key] = credit.get(key, 0) + gets - had
        for key, minor in credit.items():
            yield Entry(key, booking.currency, booking.minor, minor)


def _key(touch: Touched, by: Literal["campaign", "tactic", "source"]) -> str | None:
    match by:
        case "campaign":
            return touch.campaign
        case "tactic":
            return touch.tactic
        case "source":
            return touch.source


def spend_within(minor: int, first: date, last: date, period: Period) -> int:
    """The part of a spend on the days `first` to `last` (both inclusive) that falls within a period, by whole days."""
    days = max((last - first).days + 1, 1)
    begin, end = first.toordinal(), first.toordinal() + days
    if period.start is not None:
        begin = max(begin, _day_from(period.start))
    if period.end is not None:
        end = min(end, _day_from(period.end))
    covered = max(end - begin, 0)
    share = abs(minor) * covered * 2 + days
    rounded = share // (2 * days)
    return rounded if minor >= 0 else -rounded


def _day_from(instant: datetime) -> int:
    """The first day that begins at or after an instant, in UTC, as its number: the last of all days has no successor
    among dates.
    """
    utc = instant.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    return utc.toordinal() if utc == midnight else utc.toordinal() + 1


def roi(credit: int, spend: int) -> float | None:
    """(credit − spend) / spend, to four digits; None where nothing was spent."""
    return round((credit - spend) / spend, 4) if spend > 0 else None

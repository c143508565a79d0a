"""I6: what each deal brought is booked to the minor unit in each currency, and credited whole by every model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from leadway.eventlog import Partition
from leadway.facts.dealreg import DealAmended, DealReopened, DealWon
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict

_NOTHING = ("", 0)


class Booking(NamedTuple):
    """What a fact booked on a deal, as attribution's tables have it."""

    deal_id: str
    fact_id: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Books:
    """Attribution's bookings, and how far on the log it had read when they were looked at."""

    bookings: Iterable[Booking] = ()
    positions: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    parked: frozenset[str] = frozenset()


class Credited(NamedTuple):
    """A revenue report's sums over all its keys. `name`: by what and which model."""

    name: str
    sums: Mapping[str, int]


class Credit:
    """Judges I6: the log's deals against attribution's bookings, and the sums of its reports against both."""

    def __init__(self, books: Books, reports: Iterable[Credited] | None = None) -> None:
        self._found = Findings("I6", "the credits of each won deal sum to its amount, in each currency")
        self._books = books
        self._booked: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        for one in books.bookings:
            if one.fact_id in self._booked[one.deal_id]:
                self._found.violated(f"{one.deal_id}: {one.fact_id} is booked twice")
            self._booked[one.deal_id][one.fact_id] = (one.currency, one.minor)
        self._reports = reports
        self._amounts: dict[str, tuple[str, int]] = {}  # what each deal is worth, as the log goes on
        self._sums: Counter[str] = Counter()
        self._found.looked_at |= {"deals": 0, "bookings": 0, "reports": 0}

    def take(self, seen: Seen) -> None:
        """Fold what the deal is worth, and compare what attribution booked for it."""
        fact = seen.envelope.data
        if not isinstance(fact, DealWon | DealAmended | DealReopened) or not self._read(seen):
            return
        currency, before = self._amounts.get(fact.deal_id, _NOTHING)
        match fact:
            case DealWon():
                self._found.look("deals")
                after = (fact.amount.currency, fact.amount.minor)
            case DealAmended():
                after = (fact.amount.currency, fact.amount.minor)
                self._follows(seen, fact.deal_id, (fact.previous.currency, fact.previous.minor), (currency, before))
            case DealReopened():
                if fact.booked is None:
                    return  # it was lost, or never won: nothing was booked
                after = (fact.booked.currency, 0)
                self._follows(seen, fact.deal_id, (fact.booked.currency, fact.booked.minor), (currency, before))
        self._amounts[fact.deal_id] = after
        self._compare(seen, fact.deal_id, (after[0], after[1] - (before if currency == after[0] else 0)))

    def partition_ends(self) -> None:
        """Forget its deals: a deal is on one lead."""
        self._amounts = {}

    def verdict(self) -> Verdict:
        """After the last partition: what is still booked, no fact said."""
        for deal, facts in self._booked.items():
            for fact_id, (currency, minor) in facts.items():
                self._found.violated(f"{deal}: {minor} {currency} are booked for {fact_id}, which the log does not say")
        if self._reports is None:
            self._found.note("no report was asked for: the deployment does not answer")
        for one in self._reports or ():
            self._found.look("reports")
            expected = {currency: minor for currency, minor in self._sums.items() if minor}
            found = {currency: minor for currency, minor in one.sums.items() if minor}
            if found != expected:
                self._found.violated(f"revenue by {one.name} credits {_told(found)}, deals brought {_told(expected)}")
        return self._found.verdict()

    def _read(self, seen: Seen) -> bool:
        """Whether attribution had read that far."""
        return (
            seen.offset < self._books.positions.get(seen.partition, 0)
            and seen.envelope.subject not in self._books.parked
        )

    def _follows(self, seen: Seen, deal: str, said: tuple[str, int], known: tuple[str, int]) -> None:
        if said != known:
            self._found.violated(
                f"{deal}: {seen.envelope.type} at {seen.place} goes from {said[1]} {said[0]}, where the log has "
                f"{known[1]} {known[0]}"
            )

    def _compare(self, seen: Seen, deal: str, expected: tuple[str, int]) -> None:
        self._found.look("bookings")
        self._sums[expected[0]] += expected[1]
        booked = self._booked[deal].pop(seen.envelope.id, None)
        if booked == expected:
            return
        told = "nothing" if booked is None else f"{booked[1]} {booked[0]}"
        self._found.violated(
            f"{deal}: {seen.envelope.type} at {seen.place} brought {expected[1]} {expected[0]}, and {told} is booked"
        )


def _told(sums: Mapping[str, int]) -> str:
    return ", ".join(f"{minor} {currency}" for currency, minor in sorted(sums.items())) or "nothing"

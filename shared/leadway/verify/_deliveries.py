"""I7: each (fact, endpoint) due is delivered, or pending with a next attempt, or given up and said so.

Where a receiver wrote down what it got, a delivery that the log tells of must be there, and nothing that was not due.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from leadway.eventlog import Partition
from leadway.facts import CATALOG_EVENTS
from leadway.facts.delivery import EndpointChanged, NotificationDelivered, NotificationDue, NotificationFailed
from leadway.ids import derive
from leadway.verify._received import Received
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict

_OWN = "delivery"
_ALL = "*"
# A fact that was decided while an endpoint was being changed may have been handled just before.
_CHANGING = timedelta(seconds=10)


class Waiting(NamedTuple):
    """A message that delivery's tables hold as pending. `tried_next`: None where nothing plans an attempt."""

    endpoint_id: str
    lead_id: str
    fact_id: str
    tried_next: datetime | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Delivery's tables: what waits, and how far it had read and said when they were looked at."""

    waiting: Iterable[Waiting] = ()
    positions: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    counters: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    parked: frozenset[str] = frozenset()


def message_id(fact_id: str, fact_time: datetime, endpoint_id: str) -> str:
    """The `webhook-id` of a fact at an endpoint, as receivers get it."""
    return derive("msg", fact_time, fact_id, endpoint_id)


class _Lead:
    def __init__(self) -> None:
        self.facts: dict[str, tuple[str, str, datetime]] = {}  # fact id → type, place, time
        self.due: set[tuple[str, str]] = set()  # (fact, endpoint), ever
        self.open: set[tuple[str, str]] = set()


class Deliveries:
    """Judges I7. The partitions of the catalogs come first: they say which endpoints there are."""

    def __init__(
        self, desk: Desk, received: Iterable[Received] | None = None, before: Iterable[Received] | None = None
    ) -> None:
        """`received`: read after the tables, so that what these call delivered is there; `before`: read before them, so
        that what it holds was due by then (None: as `received`).
        """
        self._found = Findings("I7", "each message due is delivered, or pending with a next attempt, or parked")
        self._desk = desk
        self._waiting: dict[str, dict[tuple[str, str], Waiting]] = defaultdict(dict)
        for one in desk.waiting:
            self._waiting[one.lead_id][one.fact_id, one.endpoint_id] = one
        self._taken: dict[str, set[str]] | None = None
        self._got: dict[str, set[str]] = {}
        if received is not None:
            self._taken = _taken(received)
            self._got = self._taken if before is None else _taken(before)
        self._told_of: dict[str, set[str]] = defaultdict(set)
        self._endpoints: dict[str, list[tuple[datetime, EndpointChanged]]] = defaultdict(list)
        self._leads: dict[str, _Lead] = {}
        self._found.looked_at |= {"due": 0, "delivered": 0, "failed": 0, "pending": 0}

    def take(self, seen: Seen) -> None:
        """Fold what was due and what became of it."""
        envelope, fact = seen.envelope, seen.envelope.data
        if isinstance(fact, EndpointChanged):
            self._endpoints[fact.entity_id].append((envelope.time, fact))
        if seen.partition.topic == CATALOG_EVENTS:
            return
        lead = self._leads.setdefault(envelope.subject, _Lead())
        if envelope.source != _OWN:
            if seen.offset < self._desk.positions.get(seen.partition, 0):
                lead.facts[envelope.id] = (envelope.type.rpartition(".v")[0], seen.place, envelope.time)
            return
        if envelope.sequence > self._desk.counters.get(seen.partition, 0):
            return  # it was said after the tables were looked at
        match fact:
            case NotificationDue():
                self._due(lead, fact, seen)
            case NotificationDelivered() | NotificationFailed():
                self._ended(lead, fact, seen)
            case _:
                pass

    def partition_ends(self) -> None:
        """What the log leaves open must be what the tables hold as pending; then forget the leads."""
        for name, lead in self._leads.items():
            waiting = self._waiting.pop(name, {})
            for fact_id, endpoint_id in sorted(lead.open - waiting.keys()):
                self._found.violated(f"{name}: {fact_id} is due at {endpoint_id}, and nothing will send it")
            for fact_id, endpoint_id in sorted(waiting.keys() - lead.open):
                self._found.violated(f"{name}: {fact_id} waits for {endpoint_id}, and the log says nothing of it")
            for message in waiting.values():
                self._found.look("pending")
                if message.tried_next is None:
                    self._found.violated(
                        f"{name}: {message.fact_id} waits for {message.endpoint_id} with no next attempt"
                    )
            if name not in self._desk.parked:
                self._never_due(name, lead)
        self._leads = {}

    def verdict(self) -> Verdict:
        """After the last partition."""
        for name, waiting in self._waiting.items():
            for fact_id, endpoint_id in waiting:
                self._found.violated(f"{name}: {fact_id} waits for {endpoint_id}, and the log says nothing of it")
        if self._taken is not None:
            self._compare_received(self._got)
        return self._found.verdict()

    def _due(self, lead: _Lead, fact: NotificationDue, seen: Seen) -> None:
        for endpoint in fact.endpoints:
            self._found.look("due")
            message = (fact.fact_id, endpoint.endpoint_id)
            if message in lead.open or (message in lead.due and not fact.replay):
                self._found.violated(
                    f"{fact.lead_id}: {fact.fact_id} is due at {endpoint.endpoint_id} once more ({seen.place})"
                )
            lead.due.add(message)
            lead.open.add(message)
            if self._taken is not None:
                webhook_id = message_id(fact.fact_id, fact.fact_time, endpoint.endpoint_id)
                self._told_of[endpoint.endpoint_id].add(webhook_id)

    def _ended(self, lead: _Lead, fact: NotificationDelivered | NotificationFailed, seen: Seen) -> None:
        delivered = isinstance(fact, NotificationDelivered)
        self._found.look("delivered" if delivered else "failed")
        message = (fact.fact_id, fact.endpoint_id)
        if message not in lead.open:
            how = "delivered" if delivered else "given up"
            self._found.violated(
                f"{fact.lead_id}: {fact.fact_id} was {how} at {fact.endpoint_id}, where it was not due ({seen.place})"
            )
        lead.open.discard(message)
        known = lead.facts.get(fact.fact_id)
        if delivered and self._taken is not None and fact.endpoint_id in self._taken and known is not None:
            webhook_id = message_id(fact.fact_id, known[2], fact.endpoint_id)
            if webhook_id not in self._taken[fact.endpoint_id]:
                self._found.violated(
                    f"{fact.lead_id}: {fact.fact_id} is said to be delivered at {fact.endpoint_id} ({seen.place}), and "
                    f"the receiver never took {webhook_id}"
                )

    def _never_due(self, name: str, lead: _Lead) -> None:
        """What the vendor's own endpoints subscribed to, they are to be told: their audience is everybody."""
        for endpoint_id, versions in self._endpoints.items():
            for fact_id, (fact_type, place, time) in lead.facts.items():
                if _subscribed(versions, fact_type, time) and (fact_id, endpoint_id) not in lead.due:
                    self._found.violated(f"{name}: {fact_type} at {place} was never due at {endpoint_id}")

    def _compare_received(self, got: Mapping[str, set[str]]) -> None:
        for endpoint_id, messages in got.items():
            self._found.look("received", len(messages))
            for webhook_id in sorted(messages - self._told_of.get(endpoint_id, set())):
                self._found.violated(f"{endpoint_id} got {webhook_id}, which was never due there")


def _taken(received: Iterable[Received]) -> dict[str, set[str]]:
    """By endpoint, the messages that it took; an endpoint that took none of what it got has an empty set."""
    found: dict[str, set[str]] = defaultdict(set)
    for message in received:
        of_endpoint = found[message.endpoint]
        if message.taken:
            of_endpoint.add(message.id)
    return found


def _subscribed(versions: list[tuple[datetime, EndpointChanged]], fact_type: str, time: datetime) -> bool:
    """Whether a vendor's endpoint was surely to be told of a fact of that time.

    No change of it is near, and whatever it has become since would be told too: the fact may have been handled late.
    """
    if any(abs(changed - time) <= _CHANGING for changed, _ in versions):
        return False
    before = [endpoint for changed, endpoint in versions if changed < time]
    since = [endpoint for changed, endpoint in versions if changed > time]
    return bool(before) and all(_takes(endpoint, fact_type) for endpoint in (before[-1], *since))


def _takes(endpoint: EndpointChanged, fact_type: str) -> bool:
    told = endpoint.status in {"active", "paused"} and endpoint.partner_id is None
    return told and (_ALL in endpoint.types or fact_type in endpoint.types)

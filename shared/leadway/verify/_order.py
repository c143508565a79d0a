"""I8: for each endpoint and lead, the first successes of messages follow the order of the facts on the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from leadway.facts import LEAD_EVENTS
from leadway.facts.delivery import NotificationDelivered, NotificationDue
from leadway.verify._deliveries import message_id
from leadway.verify._received import Received
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict


@dataclass(slots=True)
class _Lead:
    offsets: dict[str, int] = field(default_factory=dict[str, int])
    delivered: dict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))
    ids: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    replayed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


class Order:
    """Judges I8, by what delivery said and by what a receiver took. A replay begins anew, so it is left out."""

    def __init__(self, received: Iterable[Received] = ()) -> None:
        self._found = Findings("I8", "for each endpoint and lead, first successes follow the log's order")
        self._leads: dict[str, _Lead] = {}
        self._taken: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for one in received:
            if one.taken and one.id not in self._taken[one.lead][one.endpoint]:
                self._taken[one.lead][one.endpoint].append(one.id)
        self._found.looked_at |= {"sequences": 0, "sequences received": 0}

    def take(self, seen: Seen) -> None:
        """Note where each fact is and in which order they were delivered."""
        if seen.partition.topic != LEAD_EVENTS:
            return
        envelope = seen.envelope
        lead = self._leads.setdefault(envelope.subject, _Lead())
        match envelope.data:
            case NotificationDue() as due:
                for endpoint in due.endpoints:
                    message = (due.fact_id, endpoint.endpoint_id)
                    if due.replay:
                        lead.replayed.add(message)
                    if envelope.subject in self._taken:
                        lead.ids[message] = message_id(due.fact_id, due.fact_time, endpoint.endpoint_id)
            case NotificationDelivered() as done:
                if done.fact_id not in lead.delivered[done.endpoint_id]:
                    lead.delivered[done.endpoint_id].append(done.fact_id)
            case _:
                lead.offsets[envelope.id] = seen.offset

    def partition_ends(self) -> None:
        """Judge its leads and forget them."""
        for name, lead in self._leads.items():
            for endpoint, facts in lead.delivered.items():
                self._found.look("sequences")
                self._judge(f"{name} at {endpoint}", "delivered", lead, endpoint, facts)
            for endpoint, taken in self._taken.get(name, {}).items():
                self._found.look("sequences received")
                facts_of = {one: fact for (fact, at), one in lead.ids.items() if at == endpoint}
                facts = [facts_of[one] for one in taken if one in facts_of]
                self._judge(f"{name} at {endpoint}", "taken by the receiver", lead, endpoint, facts)
        self._leads = {}

    def verdict(self) -> Verdict:
        """After the last partition."""
        return self._found.verdict()

    def _judge(self, what: str, how: str, lead: _Lead, endpoint: str, facts: Sequence[str]) -> None:
        known = [
            (fact, lead.offsets[fact])
            for fact in facts
            if fact in lead.offsets and (fact, endpoint) not in lead.replayed
        ]
        for (first, before), (second, after) in pairwise(known):
            if after < before:
                self._found.violated(f"{what}: {second} (at {after}) was {how} after {first} (at {before})")

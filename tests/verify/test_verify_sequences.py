"""I8 and I9: messages in the log's order, and numbers without gap or double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from trail import PARTITION, START, assigned, judged

from leadway.eventlog import Partition, Record
from leadway.facts.delivery import DueEndpoint, NotificationDelivered, NotificationDue
from leadway.facts.router import LeadAccepted
from leadway.verify._order import Order
from leadway.verify._sequences import Sequences
from leadway.verify._tables import Kept, Sent

FACTS = (assigned(), LeadAccepted(lead_id="lead_a", assignment_id="asg_1", partner_id="ptr_a"))


def delivered(number: int, endpoint: str = "end_a") -> NotificationDelivered:
    return NotificationDelivered(
        lead_id="lead_a", fact_id=f"fact_{number}", endpoint_id=endpoint, attempts=1, status=204
    )


def test_messages_in_the_order_of_their_facts_are_as_they_should_be() -> None:
    assert judged(Order(), *FACTS, delivered(0), delivered(1), delivered(0)) == []
    assert judged(Order(), *FACTS, delivered(1, "end_b"), delivered(0)) == [], "each endpoint has an order of its own"


def test_a_message_before_an_older_one_is_a_violation() -> None:
    (told,) = judged(Order(), *FACTS, delivered(1), delivered(0))
    assert told == "lead_a at end_a: fact_0 (at 0) was delivered after fact_1 (at 1)"


def test_a_replay_begins_anew() -> None:
    replay = NotificationDue(
        lead_id="lead_a",
        fact_id="fact_0",
        fact_type="lead.assigned",
        fact_time=START,
        endpoints=(DueEndpoint(endpoint_id="end_a", version=1),),
        replay=True,
    )
    assert judged(Order(), *FACTS, delivered(1), replay, delivered(0)) == []


def record(sequence: int, offset: int, name: str | None = None) -> Record:
    said = {"ce_source": b"router", "ce_sequence": b"%d" % sequence, "ce_id": (name or f"fact_{sequence}").encode()}
    return Record(PARTITION.topic, PARTITION.number, offset, b"lead_a", b"{}", said)


@dataclass
class Log:
    """One partition, and what the router's own tables say of it."""

    records: Sequence[Record]
    kept: Kept = field(default_factory=lambda: Kept("router"))

    def found(self) -> list[str]:
        judge = Sequences(["router"], [self.kept])
        judge.partition_begins(PARTITION, len(self.records))
        for each in self.records:
            judge.record(PARTITION, each)
        judge.partition_ends(PARTITION)
        return list(judge.verdict().violations)


def kept(*, counter: int = 2, position: int | None = None, mark: int = 0, sent: Sent | None = None) -> Kept:
    places: dict[Partition, int] = {} if position is None else {PARTITION: position}
    return Kept(
        "router",
        positions=places,
        marks={PARTITION: {"router": mark}},
        counters={PARTITION: counter},
        sent={} if sent is None else {PARTITION: sent},
    )


def test_numbers_one_after_the_other_also_sent_again_are_as_they_should_be() -> None:
    again = [record(1, 0), record(2, 1), record(1, 2), record(2, 3)]
    assert Log(again, kept(position=4, mark=2, sent=Sent(2, 1, "fact_2"))).found() == []


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([record(1, 0), record(3, 1)], "router goes from 1 to 3 at lead-events/0/1 (fact_3): a gap"),
        (
            [record(1, 0), record(2, 1), record(2, 2, "other")],
            "router has two facts numbered 2: other at lead-events/0/2 is the second",
        ),
        (
            [record(1, 0), record(2, 1, "fact_1")],
            "router said fact_1 twice: as its fact 2 at lead-events/0/1, and before",
        ),
    ],
)
def test_a_gap_or_a_double_is_a_violation(records: list[Record], told: str) -> None:
    assert told in Log(records, kept(counter=len(records))).found()


def test_a_fact_that_was_counted_and_is_nowhere_is_a_violation() -> None:
    (told,) = Log([record(1, 0), record(2, 1)], kept(counter=4)).found()
    assert told == (
        "router counts 4 facts of lead-events/0; 2 of them, from 3 on, are neither on the log nor in its outbox"
    )


def test_a_log_that_lost_what_was_read_or_sent_is_a_violation() -> None:
    records = [record(1, 0), record(2, 1)]
    (read,) = Log(records, kept(position=5, mark=2)).found()
    assert read == "router has read lead-events/0 up to 5, the log ends at 2: it lost records"
    (sent,) = Log(records, kept(sent=Sent(2, 1, "fact_other"))).found()
    assert sent.startswith("router sent its fact 2 (fact_other) to lead-events/0/1, and it is not there")


def test_a_mark_that_passed_a_gap_is_a_violation() -> None:
    (told,) = Log([record(1, 0), record(2, 1)], kept(position=2, mark=9)).found()
    assert told.startswith("router has heard router up to 9 in lead-events/0")


def test_a_database_older_than_the_log_is_a_violation() -> None:
    judge = Sequences(["router"], [])
    judge.partition_begins(PARTITION, 1)
    judge.record(PARTITION, record(1, 0))
    judge.partition_ends(PARTITION)
    judge.later_counters({"router": {PARTITION: 0}})
    (told,) = judge.verdict().violations
    assert told.endswith("its database counts 0: the database is older than the log")

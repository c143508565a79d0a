"""A lead's facts as judges get them, one after the other in one partition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leadway.eventlog import Partition
from leadway.facts import LEAD_EVENTS, Envelope, Fact
from leadway.facts.router import Decision, LeadAssigned
from leadway.verify._seen import Seen
from leadway.verify._verdict import Judge

START = datetime(2026, 10, 1, 8, tzinfo=UTC)
PARTITION = Partition(LEAD_EVENTS, 0)


def seen(fact: Fact, offset: int, *, subject: str = "lead_a") -> Seen:
    """`fact` at that offset; its id is `fact_<offset>`, and it is said so many seconds after START."""
    envelope = Envelope(
        id=f"fact_{offset}",
        type=fact.wire,
        source=fact.source,
        subject=subject,
        time=START + timedelta(seconds=offset),
        sequence=offset + 1,
        cause="x",
        correlation="x",
        actor="x",
        data=fact,
    )
    return Seen(envelope, PARTITION, offset)


def judged(judge: Judge, *facts: Fact) -> list[str]:
    """What a judge finds against these facts of one lead."""
    for offset, fact in enumerate(facts):
        judge.take(seen(fact, offset))
    judge.partition_ends()
    return list(judge.verdict().violations)


def assigned(number: int = 1, partner: str = "ptr_a") -> LeadAssigned:
    """The lead given to a partner by rule, as `asg_<number>`."""
    return LeadAssigned(
        lead_id="lead_a",
        assignment_id=f"asg_{number}",
        partner_id=partner,
        tier="gold",
        method="round_robin",
        partner_version=1,
        decision=Decision(asked="qualified"),
    )

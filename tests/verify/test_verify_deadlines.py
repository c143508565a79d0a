"""I4: a deadline's facts bear its time, so that what is said too early must be seen otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta

from trail import START, judged

from leadway.facts import Fact
from leadway.facts.router import AcceptanceMissed
from leadway.facts.sla_timer import SlaBreached
from leadway.verify._deadlines import Deadlines

DUE = START
MISSED = AcceptanceMissed(lead_id="lead_a", assignment_id="asg_a", due_at=DUE, at=DUE)


def breach(missed_fact: str) -> SlaBreached:
    return SlaBreached(
        lead_id="lead_a",
        clock="accept",
        assignment_id="asg_a",
        pooling_id=None,
        partner_id="ptr_a",
        policy="hot",
        policy_version=1,
        due_at=DUE,
        on_breach="reclaim",
        missed_fact=missed_fact,
    )


def found(now: datetime, *facts: Fact) -> list[str]:
    return judged(Deadlines(now=lambda: now), *facts)


def test_what_follows_from_a_deadline_that_is_not_there_yet_is_a_violation() -> None:
    assert found(DUE + timedelta(seconds=1), MISSED, breach("fact_0")) == []
    early = found(DUE - timedelta(minutes=1), MISSED, breach("fact_0"))
    assert len(early) == 2
    assert all("of a deadline at 2026-10-01T08:00:00" in each for each in early)


def test_a_breach_of_which_the_owner_of_the_evidence_never_spoke_is_a_violation() -> None:
    (told,) = found(DUE + timedelta(days=1), breach(""))
    assert "the owner of the evidence never said that it was missed" in told

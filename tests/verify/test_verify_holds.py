"""I2 and I3: one owner at a time, one ending for each assignment, and answers to claims that could be true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trail import START, assigned, judged

from leadway.facts.dealreg import LeadClosed, LeadReopened
from leadway.facts.router import LeadAccepted, LeadClaimed, LeadDeclined, LeadReleased
from leadway.verify import Operation
from leadway.verify._endings import Endings
from leadway.verify._owners import Owners


def claimed(number: int = 1, partner: str = "ptr_a") -> LeadClaimed:
    return LeadClaimed(
        lead_id="lead_a",
        assignment_id=f"asg_{number}",
        partner_id=partner,
        tier="gold",
        partner_version=1,
        pooling_id="pool_1",
    )


def declined(number: int = 1, partner: str = "ptr_a") -> LeadDeclined:
    return LeadDeclined(lead_id="lead_a", assignment_id=f"asg_{number}", partner_id=partner, reason="no_fit")


def released(number: int = 1, partner: str = "ptr_a") -> LeadReleased:
    return LeadReleased(
        lead_id="lead_a", assignment_id=f"asg_{number}", partner_id=partner, outcome="won", closed_by="fact_9"
    )


def closed(number: int = 1) -> LeadClosed:
    return LeadClosed(lead_id="lead_a", assignment_id=f"asg_{number}", outcome="won")


def claim(n: int, partner: str, outcome: str, *, begun: float, ended: float | None, **more: Any) -> Operation:
    return Operation(
        n=n,
        op="claim",
        begun=START + timedelta(seconds=begun),
        ended=None if ended is None else START + timedelta(seconds=ended),
        subject="lead_a",
        actor={"role": "partner", "partner_id": partner},
        outcome=outcome,  # type: ignore[arg-type]
        **more,
    )


def won(n: int, partner: str, number: int, *, begun: float, ended: float) -> Operation:
    return claim(n, partner, "done", begun=begun, ended=ended, answer={"assignment_id": f"asg_{number}"})


def lost(n: int, partner: str, *, begun: float, ended: float) -> Operation:
    return claim(n, partner, "refused", begun=begun, ended=ended, problem="/problems/lead-already-claimed")


def test_one_owner_after_the_other_is_as_it_should_be() -> None:
    assert judged(Owners(), assigned(1), declined(1), assigned(2, "ptr_b")) == []


def test_a_second_owner_while_the_first_holds_it_is_a_violation() -> None:
    (told,) = judged(Owners(), assigned(1), assigned(2, "ptr_b"))
    assert told == (
        "lead_a: asg_2 of ptr_b began at lead-events/0/1 while ptr_a held it by asg_1 since lead-events/0/0"
    )


def test_the_end_of_another_hold_ends_nothing() -> None:
    assert len(judged(Owners(), assigned(1), declined(7), assigned(2, "ptr_b"))) == 1


def test_one_of_many_claims_wins_and_the_others_are_told_so() -> None:
    record = [
        won(1, "ptr_a", 1, begun=0, ended=2),
        lost(2, "ptr_b", begun=0, ended=3),
        claim(3, "ptr_c", "unknown", begun=0, ended=None),
    ]
    assert judged(Owners(record), claimed(1)) == []


def test_two_that_were_told_that_it_is_theirs_cannot_both_be_right() -> None:
    record = [won(1, "ptr_a", 1, begun=0, ended=2), won(2, "ptr_b", 2, begun=0, ended=2)]
    (told,) = judged(Owners(record), claimed(1))
    assert told == "lead_a: request 2 of ptr_b was told that it has it by asg_2; the log says no such thing"


def test_a_claim_is_not_lost_to_somebody_who_asked_only_later() -> None:
    record = [lost(1, "ptr_b", begun=0, ended=1), won(2, "ptr_a", 1, begun=2, ended=3)]
    (told,) = judged(Owners(record), claimed(1))
    assert "nobody else had asked for it by" in told


def test_a_claim_that_was_refused_is_not_on_the_log() -> None:
    record = [claim(1, "ptr_a", "refused", begun=0, ended=1, problem="/problems/not-eligible")]
    (told,) = judged(Owners(record), claimed(1))
    assert "gives it 1 times to ptr_a by a claim, and only 0 of its requests (1) were not refused" in told


def test_whoever_was_answered_before_another_asked_has_it_before() -> None:
    record = [won(1, "ptr_a", 1, begun=0, ended=1), won(2, "ptr_b", 2, begun=2, ended=3)]
    assert judged(Owners(record), claimed(1), declined(1), claimed(2, "ptr_b")) == []
    (told,) = judged(Owners(record), claimed(2, "ptr_b"), declined(2, "ptr_b"), claimed(1))
    assert "the log has them the other way round" in told


def test_an_assignment_that_ends_once_is_as_it_should_be() -> None:
    accepted = LeadAccepted(lead_id="lead_a", assignment_id="asg_1", partner_id="ptr_a")
    assert judged(Endings(settled=True), assigned(1), accepted, closed(1), released(1)) == []


def test_a_second_ending_is_a_violation_and_so_is_one_of_what_never_began() -> None:
    (twice,) = judged(Endings(), assigned(1), declined(1), released(1))
    assert twice == (
        "lead_a: lead.released.v1 at lead-events/0/2 is about asg_1, which had ended by lead.declined.v1 at "
        "lead-events/0/1"
    )
    (never,) = judged(Endings(), declined(1))
    assert never.endswith("is about asg_1, which never began")


def test_an_assignment_begins_once() -> None:
    (told,) = judged(Endings(), assigned(1), declined(1), assigned(1))
    assert told == "lead_a: asg_1 began at lead-events/0/0, and once more at lead-events/0/2"


def test_a_closed_lead_says_how_its_assignment_ended_once_all_is_settled() -> None:
    (told,) = judged(Endings(settled=True), assigned(1), closed(1))
    assert told == "lead_a: closed at lead-events/0/1, and nothing says how asg_1 ended"
    assert judged(Endings(settled=False), assigned(1), closed(1)) == [], "it may be on its way"
    assert judged(Endings(settled=True, parked=frozenset({"lead_a"})), assigned(1), closed(1)) == [], "it waits"
    assert judged(Endings(settled=True), assigned(1), closed(1), LeadReopened(lead_id="lead_a")) == []

"""What holders, managers, deadlines and closings do to a lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadway.decider import AssignmentEnded, InvalidRequest, NotOwner
from leadway.facts.dealreg import DealApproved, DealRegistered, DealWon, LeadClosed, LeadReopened
from leadway.facts.router import (
    AcceptanceMissed,
    ClaimMissed,
    LeadAccepted,
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadPooled,
    LeadReclaimed,
    LeadReleased,
    LeadRetained,
    LeadWithdrawn,
)
from leadway.facts.sla_timer import SlaBreached, SlaDue
from leadway.facts.terms import Consent, Money
from leadway.router.decider import (
    Accept,
    Accepted,
    Assign,
    Claim,
    Closed,
    DealOpen,
    Decline,
    LeadAlreadyClaimed,
    NotEligible,
    NotRoutable,
    PartnerNotActive,
    Reroute,
    Retain,
    SharingRefused,
    UnknownLead,
)

from_all = {"name": "all", "then": [{"assign": {"method": "round_robin"}}]}
tank = {"name": "tank", "then": [{"pool": {"method": "shark_tank", "claim_within": "PT1H"}}]}
cascade = {
    "name": "cascade",
    "then": [
        {"pool": {"method": "shark_tank", "among": {"tier": ["gold"]}, "claim_within": "PT1H"}},
        {"pool": {"method": "shark_tank", "among": {"tier": ["silver"]}}},
    ],
}
EUR = Money(100, "EUR")


def due(world: Any, clock: str, state: Any) -> SlaDue:
    hold = getattr(state, "hold", None)
    return SlaDue(
        lead_id="lead_1",
        clock=clock,  # type: ignore[arg-type]
        assignment_id=hold.assignment_id if hold else None,
        pooling_id=getattr(state, "pooling_id", None),
        policy="p",
        policy_version=1,
        due_at=world.now,
    )


def breached(world: Any, assignment_id: str, on_breach: str = "reclaim") -> SlaBreached:
    return SlaBreached(
        lead_id="lead_1",
        clock="accept",
        assignment_id=assignment_id,
        policy="p",
        policy_version=1,
        due_at=world.now,
        on_breach=on_breach,  # type: ignore[arg-type]
        missed_fact="fact_x",
    )


@pytest.fixture
def held(world: Any) -> Any:
    """lead_1 is assigned to ptr_a; ptr_b is next."""
    world.partner("a", cam="anna")
    world.partner("b", cam="boris")
    world.rules(from_all)
    world.arrives("lead_1", company_id="com_1")
    assert world.state("lead_1").hold.partner_id == "ptr_a"
    return world


@pytest.fixture
def pooled(world: Any) -> Any:
    """lead_1 may be claimed by ptr_a and ptr_b, lead_1 only."""
    world.partner("a")
    world.partner("b")
    world.partner("us", territories=("US",))
    world.rules(
        {
            "name": "tank",
            "then": [{"pool": {"method": "shark_tank", "claim_within": "PT1H", "among": {"match": ["territory"]}}}],
        }
    )
    world.arrives("lead_1")
    return world


def test_accepting_twice_is_accepting_once(held: Any) -> None:
    (accepted,) = held.asks("lead_1", Accept(partner_id="ptr_a"))
    assert isinstance(accepted, LeadAccepted)
    assert held.asks("lead_1", Accept(partner_id="ptr_a")) == ()


def test_only_the_holder_accepts(held: Any, world: Any) -> None:
    with pytest.raises(UnknownLead):
        held.asks("lead_1", Accept(partner_id="ptr_b"))


def test_a_declined_lead_goes_to_somebody_else(held: Any) -> None:
    declined, assigned = held.asks("lead_1", Decline(partner_id="ptr_a", reason="no_fit"))
    assert isinstance(declined, LeadDeclined)
    assert (assigned.partner_id, assigned.decision.asked) == ("ptr_b", "declined")
    assert assigned.decision.excluded == ("ptr_a",)
    assert [(key.key, key.n, key.freed) for key in declined.keys] == [
        ("account:com_1", 2, True),
        ("load:ptr_a", 2, True),
    ]
    assert [(key.key, key.n, key.freed) for key in assigned.keys] == [
        ("account:com_1", 3, False),
        ("load:ptr_b", 1, False),
    ]
    assert held.shared["load:ptr_a"].open == 0
    assert held.shared["account:com_1"].holders(None) == ("ptr_b",)
    assert held.asks("lead_1", Decline(partner_id="ptr_a", reason="no_fit")) == ()
    with pytest.raises(AssignmentEnded):
        held.asks("lead_1", Accept(partner_id="ptr_a"))
    last = held.asks("lead_1", Decline(partner_id="ptr_b", reason="other"))[1]
    assert isinstance(last, LeadRetained)
    assert last.queue == "inside-sales"


def test_what_is_no_lead_goes_to_review(held: Any) -> None:
    _, retained = held.asks("lead_1", Decline(partner_id="ptr_a", reason="not_a_lead"))
    assert retained.queue == "review"


def test_the_first_claim_wins(pooled: Any) -> None:
    (claimed,) = pooled.asks("lead_1", Claim(partner_id="ptr_b"))
    assert isinstance(claimed, LeadClaimed)
    assert isinstance(pooled.state("lead_1"), Accepted)
    assert pooled.asks("lead_1", Claim(partner_id="ptr_b")) == ()
    with pytest.raises(LeadAlreadyClaimed):
        pooled.asks("lead_1", Claim(partner_id="ptr_a"))
    with pytest.raises(NotOwner):
        pooled.asks("lead_1", Accept(partner_id="ptr_a"))
    with pytest.raises(UnknownLead):
        pooled.asks("lead_1", Claim(partner_id="ptr_us"))


def test_who_was_not_offered_the_lead_cannot_claim_it(pooled: Any) -> None:
    with pytest.raises(NotEligible):
        pooled.asks("lead_1", Claim(partner_id="ptr_us"))


def test_who_is_full_or_late_cannot_claim(pooled: Any) -> None:
    pooled.partner("a", open_leads_max=0)
    with pytest.raises(NotEligible, match="as many as it can"):
        pooled.asks("lead_1", Claim(partner_id="ptr_a"))
    pooled.later(hours=2)
    with pytest.raises(NotEligible, match="time for claims"):
        pooled.asks("lead_1", Claim(partner_id="ptr_b"))


def test_an_unknown_lead_is_unknown(world: Any) -> None:
    for command in (Claim(partner_id="ptr_a"), Accept(partner_id="ptr_a"), Retain(queue="q"), Reroute()):
        with pytest.raises(UnknownLead):
            world.asks("lead_9", command)
    assert UnknownLead.foreign


def test_an_unclaimed_lead_goes_to_the_next_pool(world: Any) -> None:
    world.partner("gold")
    world.partner("silver", tier="silver")
    world.rules(cascade)
    world.arrives("lead_1")
    world.later(hours=1)
    question = due(world, "claim", world.state("lead_1"))
    missed, second = world.hears("lead_1", question)
    assert isinstance(missed, ClaimMissed)
    assert isinstance(second, LeadPooled)
    assert (second.eligible, second.step_index) == (("ptr_silver",), 1)
    assert second.pooling_id != missed.pooling_id
    assert world.hears("lead_1", question) == ()
    (missed, retained) = world.hears("lead_1", due(world, "claim", world.state("lead_1")))
    assert (retained.queue, retained.reason) == ("inside-sales", "otherwise")


def test_a_question_about_a_claimed_lead_needs_no_answer(pooled: Any) -> None:
    question = due(pooled, "claim", pooled.state("lead_1"))
    pooled.asks("lead_1", Claim(partner_id="ptr_a"))
    assert pooled.hears("lead_1", question) == ()


def test_an_acceptance_is_missed_once(held: Any) -> None:
    held.later(hours=4)
    question = due(held, "accept", held.state("lead_1"))
    (missed,) = held.hears("lead_1", question)
    assert isinstance(missed, AcceptanceMissed)
    assert missed.due_at == held.now
    assert held.hears("lead_1", question) == ()


def test_an_acceptance_in_time_is_no_miss_and_a_late_one_is(held: Any) -> None:
    held.asks("lead_1", Accept(partner_id="ptr_a"))
    assert held.hears("lead_1", due(held, "accept", held.state("lead_1"))) == ()
    early = due(held, "accept", held.state("lead_1"))
    held.later(seconds=-1)
    late = SlaDue(
        lead_id="lead_1",
        clock="accept",
        assignment_id=early.assignment_id,
        policy="p",
        policy_version=1,
        due_at=held.now,
    )
    assert [type(fact) for fact in held.hears("lead_1", late)] == [AcceptanceMissed]


def test_a_breach_takes_the_lead_to_somebody_else(held: Any) -> None:
    assignment_id = held.state("lead_1").hold.assignment_id
    assert held.hears("lead_1", breached(held, assignment_id, "alert")) == ()
    assert held.hears("lead_1", breached(held, "asg_other")) == ()
    reclaimed, assigned = held.hears("lead_1", breached(held, assignment_id))
    assert isinstance(reclaimed, LeadReclaimed)
    assert isinstance(assigned, LeadAssigned)
    assert (reclaimed.partner_id, assigned.partner_id, assigned.decision.asked) == ("ptr_a", "ptr_b", "reclaimed")
    assert held.hears("lead_1", breached(held, assignment_id)) == ()


def registered(assignment_id: str) -> DealRegistered:
    return DealRegistered(
        lead_id="lead_1", deal_id="deal_1", partner_id="ptr_a", assignment_id=assignment_id, amount=EUR
    )


def test_an_open_deal_keeps_the_lead_where_it_is(held: Any) -> None:
    assignment_id = held.state("lead_1").hold.assignment_id
    held.hears("lead_1", registered(assignment_id))
    assert held.hears("lead_1", breached(held, assignment_id)) == ()
    protected = DealApproved(
        lead_id="lead_1", deal_id="deal_1", partner_id="ptr_a", protected_until=held.now, protection_version=1
    )
    held.hears("lead_1", protected)
    for command in (
        Assign(partner_id="ptr_b"),
        Retain(queue="q"),
        Reroute(),
        Decline(partner_id="ptr_a", reason="other"),
    ):
        with pytest.raises(DealOpen):
            held.asks("lead_1", command)
    assert DealOpen.foreign
    held.hears("lead_1", DealWon(lead_id="lead_1", deal_id="deal_1", amount=EUR, closed_at=held.now))
    assert [type(fact) for fact in held.asks("lead_1", Retain(queue="q"))] == [LeadWithdrawn, LeadRetained]


def test_a_closed_lead_has_no_holder_and_a_reopened_one_is_routed_anew(held: Any) -> None:
    closed = LeadClosed(lead_id="lead_1", outcome="lost")
    (released,) = held.hears("lead_1", closed)
    assert isinstance(released, LeadReleased)
    assert isinstance(held.state("lead_1"), Closed)
    assert held.shared["load:ptr_a"].open == 0
    assert held.hears("lead_1", closed) == ()
    with pytest.raises(NotRoutable):
        held.asks("lead_1", Assign(partner_id="ptr_b"))
    with pytest.raises(AssignmentEnded):
        held.asks("lead_1", Accept(partner_id="ptr_a"))
    (assigned,) = held.hears("lead_1", LeadReopened(lead_id="lead_1"))
    assert (assigned.decision.asked, assigned.partner_id) == ("reopened", "ptr_b")


def test_a_lead_with_a_reopened_deal_goes_back_to_its_partner(held: Any) -> None:
    held.hears("lead_1", LeadClosed(lead_id="lead_1", outcome="lost"))
    (assigned,) = held.hears("lead_1", LeadReopened(lead_id="lead_1", partner_id="ptr_a"))
    assert (assigned.partner_id, assigned.method, assigned.accepted, assigned.clocks) == (
        "ptr_a",
        "reopened",
        True,
        False,
    )


def test_closing_takes_a_lead_out_of_the_pool(pooled: Any) -> None:
    (retained,) = pooled.hears("lead_1", LeadClosed(lead_id="lead_1", outcome="duplicate"))
    assert retained.queue == "closed"
    with pytest.raises(NotRoutable):
        pooled.asks("lead_1", Reroute())


def test_a_manager_assigns_and_takes_away(held: Any) -> None:
    withdrawn, assigned = held.asks("lead_1", Assign(partner_id="ptr_b"))
    assert isinstance(withdrawn, LeadWithdrawn)
    assert (assigned.partner_id, assigned.method, assigned.decision.excluded) == ("ptr_b", "manual", ("ptr_a",))
    assert held.asks("lead_1", Assign(partner_id="ptr_b")) == ()
    _, back = held.asks("lead_1", Assign(partner_id="ptr_a"))
    assert (back.partner_id, back.decision.excluded) == ("ptr_a", ("ptr_b",))


def test_a_manager_keeps_a_lead(held: Any) -> None:
    _, retained = held.asks("lead_1", Retain(queue="strategic"))
    assert (retained.queue, retained.reason) == ("strategic", "retain")
    assert held.asks("lead_1", Retain(queue="strategic")) == ()


def test_a_manager_has_a_lead_routed_again(held: Any) -> None:
    _, assigned = held.asks("lead_1", Reroute(), attempt="req_x")
    assert assigned.partner_id == "ptr_b"
    assert held.asks("lead_1", Reroute(), attempt="req_x") == ()
    _, retained = held.asks("lead_1", Reroute())
    assert isinstance(retained, LeadRetained)
    (again,) = held.asks("lead_1", Reroute(allow_again=True))
    assert again.decision.excluded == ()
    assert isinstance(again, LeadAssigned)


def test_bad_assignments_are_refused(held: Any, lead: Any) -> None:
    held.partner("p", status="paused")
    with pytest.raises(InvalidRequest) as unknown:
        held.asks("lead_1", Assign(partner_id="ptr_nobody"))
    assert unknown.value.errors[0].pointer == "#/partner_id"
    with pytest.raises(PartnerNotActive):
        held.asks("lead_1", Assign(partner_id="ptr_p"))
    held.arrives("lead_2", consent=(Consent(purpose="partner_sharing", granted=False),))
    with pytest.raises(SharingRefused):
        held.asks("lead_2", Assign(partner_id="ptr_a"))


def test_a_manager_of_some_partners_knows_only_of_their_leads(held: Any) -> None:
    with pytest.raises(UnknownLead):
        held.asks("lead_1", Retain(queue="q", cam="boris"))
    with pytest.raises(InvalidRequest):
        held.asks("lead_1", Assign(partner_id="ptr_b", cam="anna"))
    assert held.asks("lead_1", Retain(queue="q", cam="anna")) != ()


def test_history_says_who_had_the_lead_and_how_it_ended(held: Any) -> None:
    held.later(minutes=5)
    held.asks("lead_1", Decline(partner_id="ptr_a", reason="no_capacity"))
    past = held.state("lead_1").past
    assert [move.what for move in past.moves] == ["lead.assigned", "lead.declined", "lead.assigned"]
    ended = past.ended["ptr_a"]
    assert (ended.how, ended.reason, ended.at) == ("declined", "no_capacity", held.now)
    assert held.now - timedelta(minutes=5) == past.moves[0].at

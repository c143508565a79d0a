from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given as holds_for
from hypothesis import strategies as st

from leadway.decider import fold
from leadway.facts.sla_timer import (
    Clock,
    OnBreach,
    SlaBreached,
    SlaDue,
    SlaMet,
    SlaReminded,
    SlaStarted,
    SlaStopped,
)
from leadway.sla_timer.decider import (
    DECIDER,
    ENDED_KEPT,
    Accept,
    Breached,
    Close,
    Command,
    Contact,
    EndHold,
    LeavePool,
    Met,
    Miss,
    Pool,
    SlaFact,
    StartHold,
    StopForDeal,
    Wake,
)
from leadway.sla_timer.policy import Plan, Planned
from leadway.sla_timer.store import on_timer, timers
from leadway.testing import given

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DUE: dict[str, datetime] = {"accept": START + 4 * HOUR, "first_contact": START + 24 * HOUR, "claim": START + HOUR}
HALF_WAY = (START + 2 * HOUR, START + 3 * HOUR)
PLAN = Plan(
    "standard",
    3,
    (
        Planned("accept", DUE["accept"], HALF_WAY, "reclaim"),
        Planned("first_contact", DUE["first_contact"], (), "alert"),
    ),
)
CLAIM_PLAN = Plan("hot leads", 7, (Planned("claim", DUE["claim"], (), "next_step"),))
ON_BREACH: dict[str, OnBreach] = {"accept": "reclaim", "first_contact": "alert", "claim": "next_step"}


def hold(*, claimed: str | None = None, accepted: bool = False, at: datetime = START, plan: Plan = PLAN) -> StartHold:
    why = "lead.claimed" if claimed else "lead.assigned"
    return StartHold("lead_1", "asg_1", "ptr_1", at, "fact_hold", why, plan, accepted or claimed is not None, claimed)


POOL = Pool("lead_1", "pool_1", START, "fact_pool", "lead.pooled", CLAIM_PLAN)


def started(clock: Clock) -> SlaStarted:
    of = POOLED if clock == "claim" else HELD
    remind_at = HALF_WAY if clock == "accept" else ()
    return SlaStarted(
        clock=clock, due_at=DUE[clock], started_at=START, remind_at=remind_at, on_breach=ON_BREACH[clock], **of
    )


HELD: dict[str, Any] = {
    "lead_id": "lead_1",
    "assignment_id": "asg_1",
    "partner_id": "ptr_1",
    "policy": "standard",
    "policy_version": 3,
}
POOLED: dict[str, Any] = {"lead_id": "lead_1", "pooling_id": "pool_1", "policy": "hot leads", "policy_version": 7}
ACCEPT, CONTACT, CLAIM = started("accept"), started("first_contact"), started("claim")


def due(clock: Clock) -> SlaDue:
    return SlaDue(clock=clock, due_at=DUE[clock], **(POOLED if clock == "claim" else HELD))


def met(clock: Clock, at: datetime, by: str) -> SlaMet:
    return SlaMet(clock=clock, due_at=DUE[clock], met_at=at, met_by=by, **(POOLED if clock == "claim" else HELD))


def stopped(clock: Clock, why: str, by: str) -> SlaStopped:
    of = POOLED if clock == "claim" else HELD
    return SlaStopped(clock=clock, due_at=DUE[clock], reason=why, stopped_by=by, **of)


def breached(clock: Clock, by: str) -> SlaBreached:
    of = POOLED if clock == "claim" else HELD
    return SlaBreached(clock=clock, due_at=DUE[clock], on_breach=ON_BREACH[clock], missed_fact=by, **of)


def wake(clock: Clock, at: datetime) -> Wake:
    return Wake("lead_1", clock, "pool_1" if clock == "claim" else "asg_1", at)


def names(*facts: SlaFact) -> list[str]:
    return [timer.name for timer in timers(fold(DECIDER, facts))]


def test_an_assignment_starts_its_policys_clocks() -> None:
    given(DECIDER).when(hold()).then(ACCEPT, CONTACT)


def test_the_same_assignment_starts_them_once() -> None:
    given(DECIDER, ACCEPT, CONTACT).when(hold()).then()


def test_clocks_that_ended_do_not_start_again() -> None:
    given(DECIDER, ACCEPT, CONTACT, met("accept", START, "fact_2")).when(hold()).then()


def test_no_acceptance_is_waited_for_where_none_is_needed() -> None:
    given(DECIDER).when(hold(accepted=True)).then(CONTACT)


def test_nothing_runs_against_a_lead_that_a_partner_brought() -> None:
    given(DECIDER).when(hold(plan=Plan("", 3))).then()


def test_a_pool_starts_its_own_clock() -> None:
    given(DECIDER).when(POOL).then(CLAIM).when(POOL).then()


def test_a_claim_in_time_meets_the_pools_clock_and_starts_the_holds() -> None:
    claim = hold(claimed="pool_1")
    given(DECIDER, CLAIM).when(claim).then(met("claim", START, "fact_hold"), CONTACT)


def test_a_claim_after_the_deadline_only_ends_the_pools_clock() -> None:
    claim = hold(claimed="pool_1", at=DUE["claim"] + HOUR, plan=Plan("", 3))
    given(DECIDER, CLAIM, due("claim")).when(claim).then(stopped("claim", "lead.claimed", "fact_hold"))


def test_leaving_the_pool_otherwise_stops_its_clock() -> None:
    given(DECIDER, CLAIM).when(LeavePool("lead_1", "fact_2", "lead.retained")).then(
        stopped("claim", "lead.retained", "fact_2")
    )
    given(DECIDER, CLAIM).when(hold(plan=Plan("", 3))).then(stopped("claim", "lead.assigned", "fact_hold"))


def test_the_next_pool_of_a_cascade_has_a_clock_of_its_own() -> None:
    second = Pool("lead_1", "pool_2", DUE["claim"], "fact_2", "lead.pooled", CLAIM_PLAN)
    facts = given(DECIDER, CLAIM, due("claim"), breached("claim", "fact_1")).when(second).facts()
    assert [(type(fact), fact.pooling_id) for fact in facts] == [(SlaStarted, "pool_2")]


def test_accepting_in_time_meets_the_clock() -> None:
    at = DUE["accept"]
    after = given(DECIDER, ACCEPT, CONTACT).when(Accept("lead_1", "asg_1", at, "fact_2"))
    after.then(met("accept", at, "fact_2")).when(after.command).then()


def test_accepting_too_late_leaves_the_word_to_the_router() -> None:
    late = Accept("lead_1", "asg_1", DUE["accept"] + timedelta(microseconds=1), "fact_2")
    given(DECIDER, ACCEPT, due("accept")).when(late).then().when(Miss("lead_1", "accept", "asg_1", "fact_3")).then(
        breached("accept", "fact_3")
    )


def test_an_attempt_in_time_that_is_heard_of_after_the_deadline_is_no_breach() -> None:
    at = DUE["first_contact"] - HOUR
    contact = Contact("lead_1", "asg_1", at, "fact_2")
    given(DECIDER, CONTACT, due("first_contact")).when(contact).then(met("first_contact", at, "fact_2")).when(
        Miss("lead_1", "first_contact", "asg_1", "fact_3")
    ).then()


def test_only_the_owner_of_the_evidence_makes_a_breach() -> None:
    after = given(DECIDER, ACCEPT).when(wake("accept", DUE["accept"])).then(due("accept"))
    after.when(wake("accept", DUE["accept"] + 9 * HOUR)).then()
    miss = Miss("lead_1", "accept", "asg_1", "fact_3")
    after.when(miss).then(breached("accept", "fact_3")).when(miss).then()


def test_the_end_of_the_hold_stops_what_still_runs() -> None:
    end = EndHold("lead_1", "asg_1", "fact_9", "lead.declined")
    given(DECIDER, ACCEPT, CONTACT, met("accept", START, "fact_2"), due("first_contact")).when(end).then(
        stopped("first_contact", "lead.declined", "fact_9")
    ).when(Miss("lead_1", "first_contact", "asg_1", "fact_10")).then()


def test_the_end_of_another_hold_stops_nothing() -> None:
    given(DECIDER, ACCEPT).when(EndHold("lead_1", "asg_0", "fact_9", "lead.declined")).then()


def test_a_registered_deal_stops_the_clocks_of_its_hold() -> None:
    for assignment, partner in (("asg_1", "ptr_2"), (None, "ptr_1")):
        given(DECIDER, ACCEPT).when(StopForDeal("lead_1", assignment, partner, "fact_9", "deal.registered")).then(
            stopped("accept", "deal.registered", "fact_9")
        )
    given(DECIDER, ACCEPT).when(StopForDeal("lead_1", None, None, "fact_9", "deal.registered")).then()


def test_a_closed_lead_waits_for_nothing() -> None:
    given(DECIDER, CLAIM).when(Close("lead_1", "fact_9", "lead.closed")).then(stopped("claim", "lead.closed", "fact_9"))


def reminded(at: datetime, said_at: datetime) -> SlaReminded:
    return SlaReminded(clock="accept", due_at=DUE["accept"], remind_at=at, reminded_at=said_at, **HELD)


def test_reminders_come_in_their_turn_and_never_early() -> None:
    first, second = HALF_WAY
    given(DECIDER, ACCEPT).when(wake("accept", first - timedelta(seconds=1))).then().when(wake("accept", first)).then(
        reminded(first, first)
    ).when(wake("accept", first)).then().when(wake("accept", second)).then(reminded(second, second))


def test_after_an_outage_only_the_newest_reminder_is_said() -> None:
    _, second = HALF_WAY
    late = second + timedelta(minutes=30)
    said = given(DECIDER, ACCEPT).when(wake("accept", late)).then(reminded(second, late))
    assert names(*said.facts) == ["due:accept:asg_1"]


def test_no_reminder_is_said_once_the_deadline_is_there() -> None:
    given(DECIDER, ACCEPT).when(wake("accept", DUE["accept"])).then(due("accept"))


def test_timers_stand_for_what_is_still_to_come() -> None:
    assert names(ACCEPT, CONTACT) == [
        "remind:accept:asg_1:0",
        "remind:accept:asg_1:1",
        "due:accept:asg_1",
        "due:first_contact:asg_1",
    ]
    assert names(ACCEPT, CONTACT, due("accept")) == ["due:first_contact:asg_1"]
    assert names(ACCEPT, met("accept", START, "fact_2")) == []


def test_a_timer_wakes_the_clock_that_asked_for_it() -> None:
    state = fold(DECIDER, [ACCEPT, CLAIM])
    woken = [on_timer("lead_1", timer) for timer in timers(state)]
    assert [(each.clock, each.runs_for) for each in woken] == [("accept", "asg_1")] * 3 + [("claim", "pool_1")]


def test_a_long_life_stays_small() -> None:
    facts: list[SlaFact] = []
    for number in range(60):
        name = f"asg_{number}"
        begin = StartHold("lead_1", name, "ptr_1", START, f"fact_{number}", "lead.assigned", PLAN)
        facts += DECIDER.decide(begin, fold(DECIDER, facts))
        facts += DECIDER.decide(EndHold("lead_1", name, f"fact_e{number}", "lead.declined"), fold(DECIDER, facts))
    state = fold(DECIDER, facts)
    assert state.open == ()
    assert len(state.ended) == ENDED_KEPT


def _commands() -> st.SearchStrategy[Command]:
    at = st.integers(min_value=0, max_value=30).map(lambda hours: START + hours * HOUR)
    clock: st.SearchStrategy[Clock] = st.sampled_from(["accept", "first_contact", "claim"])
    return st.one_of(
        st.sampled_from([hold(), hold(claimed="pool_1"), POOL]),
        st.builds(Accept, st.just("lead_1"), st.just("asg_1"), at, st.just("fact_a")),
        st.builds(Contact, st.just("lead_1"), st.just("asg_1"), at, st.just("fact_c")),
        st.builds(wake, clock, at),
        st.builds(Miss, st.just("lead_1"), clock, st.sampled_from(["asg_1", "pool_1"]), st.just("fact_m")),
        st.just(EndHold("lead_1", "asg_1", "fact_e", "lead.declined")),
    )


@holds_for(st.lists(_commands(), max_size=25))
def test_whatever_happens_each_clock_starts_once_and_ends_once(commands: list[Command]) -> None:
    facts: list[SlaFact] = []
    for command in commands:
        decided = DECIDER.decide(command, fold(DECIDER, facts))
        facts += decided
        assert list(DECIDER.decide(command, fold(DECIDER, facts))) == [], "the same command again"
    state = fold(DECIDER, facts)
    known = [each.deadline for each in (*state.open, *state.ended)]
    assert len({(each.clock, each.runs_for) for each in known}) == len(known)
    assert sum(isinstance(fact, SlaStarted) for fact in facts) == len(known)
    assert sum(isinstance(fact, SlaMet | SlaBreached | SlaStopped) for fact in facts) == len(state.ended)
    assert all(each.met_at <= each.deadline.due_at for each in state.ended if isinstance(each, Met))
    assert sum(isinstance(each, Breached) for each in state.ended) == sum(isinstance(f, SlaBreached) for f in facts)

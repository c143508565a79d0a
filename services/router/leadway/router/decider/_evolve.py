"""How each of the router's own facts changes what a lead is."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from leadway.facts import Fact
from leadway.facts.router import (
    AcceptanceMissed,
    ClaimMissed,
    Decision,
    LeadAccepted,
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadPooled,
    LeadReclaimed,
    LeadReleased,
    LeadRetained,
    LeadUnroutable,
    LeadWithdrawn,
    RotationTurn,
)
from leadway.router.decider._state import (
    DECISIONS_MAX,
    MOVES_MAX,
    Accepted,
    Assigned,
    Closed,
    Ended,
    Hold,
    Move,
    Past,
    Pooled,
    Retained,
    Settled,
    State,
    Unroutable,
    Unrouted,
)

INITIAL: State = Unrouted()


def evolve(state: State, fact: Fact) -> State:  # noqa: C901, PLR0911 a branch for each fact
    """The lead after a fact."""
    match fact:
        case LeadAssigned():
            return _assigned(state, fact)
        case LeadPooled():
            return _pooled(state, fact)
        case LeadRetained():
            past = _routed(state.past, fact.decision, Move("lead.retained", fact.at, detail=fact.queue))
            decision = fact.decision
            return Retained(
                past=past,
                since=fact.at,
                queue=fact.queue,
                reason=fact.reason,
                rule=decision.rule,
                rules_version=decision.rules_version,
            )
        case LeadUnroutable():
            past = _routed(state.past, fact.decision, Move("lead.unroutable", fact.at, detail=fact.reason))
            return Unroutable(past=past, since=fact.at, reason=fact.reason, rules_version=fact.decision.rules_version)
        case LeadClaimed():
            return _claimed(state, fact)
        case LeadAccepted():
            return _accepted(state, fact)
        case LeadDeclined():
            return _ended(state, fact, "declined", fact.reason)
        case LeadReclaimed():
            return _ended(state, fact, "reclaimed", fact.clock)
        case LeadWithdrawn():
            return _ended(state, fact, "withdrawn", fact.reason)
        case LeadReleased():
            return Closed(past=_ended(state, fact, "released", fact.outcome).past, since=fact.at, outcome=fact.outcome)
        case AcceptanceMissed() | ClaimMissed():
            return _missed(state, fact)
        case _:
            return state


def _routed(past: Past, decision: Decision, move: Move, turn: RotationTurn | None = None) -> Past:
    return Past(
        excluded=decision.excluded,
        ended=past.ended,
        offered=past.offered,
        moves=(*past.moves, move)[-MOVES_MAX:],
        decisions=(*past.decisions, Settled(decision, move, turn))[-DECISIONS_MAX:],
    )


def _assigned(state: State, fact: LeadAssigned) -> State:
    move = Move("lead.assigned", fact.at, fact.partner_id, fact.assignment_id, fact.method)
    past = _routed(state.past, fact.decision, move, fact.turn)
    hold = Hold(
        assignment_id=fact.assignment_id,
        partner_id=fact.partner_id,
        method=fact.method,
        since=fact.at,
        rule=fact.rule,
        rules_version=fact.decision.rules_version,
        step_index=fact.step_index,
        reveal=fact.reveal,
        company_id=fact.company_id,
        product=fact.product,
        accepted_at=fact.at if fact.accepted else None,
    )
    if fact.accepted:
        return Accepted(past=past, since=fact.at, hold=hold)
    return Assigned(past=past, since=fact.at, hold=hold)


def _pooled(state: State, fact: LeadPooled) -> State:
    past = _routed(state.past, fact.decision, Move("lead.pooled", fact.at, detail=fact.decision.rule))
    within = fact.claim_within_seconds
    return Pooled(
        past=replace(past, offered=fact.eligible),
        since=fact.at,
        pooling_id=fact.pooling_id,
        eligible=fact.eligible,
        rule=fact.decision.rule,
        rules_version=fact.decision.rules_version,
        step_index=fact.step_index,
        reveal=fact.reveal,
        closes_at=fact.at + timedelta(seconds=within) if fact.at is not None and within is not None else None,
    )


def _claimed(state: State, fact: LeadClaimed) -> State:
    move = Move("lead.claimed", fact.at, fact.partner_id, fact.assignment_id, fact.method)
    hold = Hold(
        assignment_id=fact.assignment_id,
        partner_id=fact.partner_id,
        method=fact.method,
        since=fact.at,
        rule=fact.rule,
        rules_version=fact.rules_version,
        step_index=fact.step_index,
        reveal=fact.reveal,
        company_id=fact.company_id,
        product=fact.product,
        accepted_at=fact.at,
    )
    return Accepted(past=_moved(state.past, move), since=fact.at, hold=hold)


def _accepted(state: State, fact: LeadAccepted) -> State:
    if not isinstance(state, Assigned):
        return state
    move = Move("lead.accepted", fact.at, fact.partner_id, fact.assignment_id)
    return Accepted(past=_moved(state.past, move), since=fact.at, hold=replace(state.hold, accepted_at=fact.at))


def _ended(
    state: State, fact: LeadDeclined | LeadReclaimed | LeadWithdrawn | LeadReleased, how: str, reason: str
) -> Unrouted:
    move = Move(f"lead.{how}", fact.at, fact.partner_id, fact.assignment_id, reason)
    past = _moved(state.past, move)
    ended = {**past.ended, fact.partner_id: Ended(fact.assignment_id, how, reason, fact.at)}
    lost = how != "released" and fact.partner_id not in past.excluded
    excluded = (*past.excluded, fact.partner_id) if lost else past.excluded
    # Where the lead goes next is said by the fact that follows.
    return Unrouted(past=replace(past, ended=ended, excluded=excluded), since=fact.at)


def _missed(state: State, fact: AcceptanceMissed | ClaimMissed) -> State:
    if isinstance(fact, ClaimMissed):
        return replace(state, past=_moved(state.past, Move("claim.missed", fact.at)))
    if not isinstance(state, Assigned | Accepted):
        return state
    move = Move("acceptance.missed", fact.at, state.hold.partner_id, fact.assignment_id)
    return replace(state, past=_moved(state.past, move), hold=replace(state.hold, acceptance_missed=True))


def _moved(past: Past, move: Move) -> Past:
    return replace(past, moves=(*past.moves, move)[-MOVES_MAX:])

"""How each of dealreg's facts changes what it knows of a lead. Total: no fact of its own fails here."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from leadway.dealreg.decider.state import (
    ACTIVITIES_KEPT,
    ASSIGNMENTS_KEPT,
    Activity,
    Approved,
    Attempt,
    Closed,
    Conflicted,
    Deal,
    Expired,
    Lost,
    Open,
    Opportunity,
    Pending,
    Rejected,
    Returned,
    State,
    Won,
    Work,
)
from leadway.facts import Fact
from leadway.facts.dealreg import (
    ActivityLogged,
    ContactMissed,
    DealAmended,
    DealApproved,
    DealConflicted,
    DealExpired,
    DealLost,
    DealRegistered,
    DealRejected,
    DealReopened,
    DealReturned,
    DealWon,
    LeadClosed,
    LeadReopened,
    OpportunityOpened,
    StageChanged,
)

replace = msgspec.structs.replace
_DealFact = (
    DealConflicted
    | DealReturned
    | DealApproved
    | DealRejected
    | DealExpired
    | DealWon
    | DealLost
    | DealAmended
    | DealReopened
)


def evolve(state: State, fact: Fact) -> State:
    """The state after a fact."""
    match fact:
        case LeadClosed():
            return Closed(work=state.work, outcome=fact.outcome, personal=fact.personal)
        case LeadReopened():
            return Open(work=state.work)
        case ContactMissed():
            # An answer about a deadline does not open a closed lead.
            missed = (*state.work.missed, fact.assignment_id)[-ASSIGNMENTS_KEPT:]
            return _with(state, replace(state.work, missed=missed))
        case _:
            return _with(state, _worked(state.work, fact))


def _with(state: State, work: Work) -> State:
    return replace(state, work=work) if isinstance(state, Closed) else Open(work=work)


def _worked(work: Work, fact: Fact) -> Work:
    match fact:
        case ActivityLogged():
            return _active(work, fact)
        case StageChanged():
            return replace(work, stage=fact.stage)
        case OpportunityOpened():
            return replace(work, opportunities=(*work.opportunities, _opportunity(fact)))
        case DealRegistered():
            brought_by = fact.partner_id if fact.originated else work.brought_by
            return replace(work, brought_by=brought_by, deals=(*work.deals, _deal(fact)))
        case (
            DealConflicted()
            | DealReturned()
            | DealApproved()
            | DealRejected()
            | DealExpired()
            | DealWon()
            | DealLost()
            | DealAmended()
            | DealReopened()
        ):
            return _on_deal(work, fact)
        case _:
            return work


def _active(work: Work, fact: ActivityLogged) -> Work:
    activity = Activity(
        activity_id=fact.activity_id,
        kind=fact.kind,
        logged_at=fact.logged_at,
        attempt=fact.attempt,
        assignment_id=fact.assignment_id,
        outcome=fact.outcome,
        occurred_at=fact.occurred_at,
        personal=fact.personal,
    )
    attempts = work.attempts
    first = fact.assignment_id is not None and all(each.assignment_id != fact.assignment_id for each in attempts)
    if fact.attempt and first and fact.assignment_id is not None:
        attempt = Attempt(assignment_id=fact.assignment_id, logged_at=fact.logged_at)
        attempts = (*attempts, attempt)[-ASSIGNMENTS_KEPT:]
    return replace(
        work,
        activities=(*work.activities, activity)[-ACTIVITIES_KEPT:],
        activities_logged=work.activities_logged + 1,
        attempts=attempts,
    )


def _opportunity(fact: OpportunityOpened) -> Opportunity:
    return Opportunity(
        opportunity_id=fact.opportunity_id,
        amount=fact.amount,
        expected_close=fact.expected_close,
        assignment_id=fact.assignment_id,
        product=fact.product,
        personal=fact.personal,
    )


def _deal(fact: DealRegistered) -> Deal:
    return Deal(
        deal_id=fact.deal_id,
        amount=fact.amount,
        partner_id=fact.partner_id,
        assignment_id=fact.assignment_id,
        opportunity_id=fact.opportunity_id,
        origin=fact.origin,
        originated=fact.originated,
        linked=fact.linked,
        person_id=fact.person_id,
        company_id=fact.company_id,
        company=fact.company,
        product=fact.product,
        campaign_id=fact.campaign_id,
        lines=fact.lines,
        match=fact.match,
        claim=fact.claim,
        turns=fact.keys,
        personal=fact.personal,
    )


def _on_deal(work: Work, fact: _DealFact) -> Work:
    change = _change(fact)
    deals = tuple(change(deal) if deal.deal_id == fact.deal_id else deal for deal in work.deals)
    return replace(work, deals=deals)


def _change(fact: _DealFact) -> Callable[[Deal], Deal]:
    match fact:
        case DealConflicted():
            registration = Conflicted(
                with_deal_id=fact.with_deal_id, with_lead_id=fact.with_lead_id, with_partner_id=fact.with_partner_id
            )
            return lambda deal: replace(deal, registration=registration)
        case DealReturned():
            return lambda deal: replace(deal, registration=Returned(personal=fact.personal))
        case DealApproved():
            approved = Approved(protected_until=fact.protected_until)
            return lambda deal: replace(deal, registration=approved, claim=fact.claim, turns=fact.keys)
        case DealRejected():
            return lambda deal: replace(deal, registration=Rejected(personal=fact.personal), turns=())
        case DealExpired():
            return lambda deal: replace(deal, registration=Expired(), turns=())
        case _:
            return lambda deal: _ended(deal, fact)


def _ended(deal: Deal, fact: DealWon | DealLost | DealAmended | DealReopened) -> Deal:
    match fact:
        case DealWon():
            return replace(deal, outcome=Won(booked=fact.amount, closed_at=fact.closed_at), turns=())
        case DealLost():
            return replace(deal, outcome=Lost(personal=fact.personal), turns=())
        case DealReopened():
            return replace(deal, outcome=Pending(), turns=fact.keys, claim=fact.claim or deal.claim)
        case DealAmended():
            closed_at = deal.outcome.closed_at if isinstance(deal.outcome, Won) else fact.effective_at
            return replace(deal, outcome=Won(booked=fact.amount, closed_at=closed_at))

"""Decisions about the work on a lead: activities, stages, opportunities, its end and its new beginning."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from leadway.dealreg.decider.commands import (
    AnswerFirstContact,
    ChangeStage,
    CloseLead,
    LogActivity,
    OpenOpportunity,
    ReopenLead,
)
from leadway.dealreg.decider.refusals import DealsOpen, LeadIsClosed, TooMany, UnknownStage
from leadway.dealreg.decider.seats import owner_or_overseer, working
from leadway.dealreg.decider.state import OPPORTUNITIES_MAX, Closed, State, is_pending
from leadway.decider import Fault, InvalidRequest
from leadway.facts import Fact
from leadway.facts.dealreg import (
    ActivityLogged,
    ContactMissed,
    LeadClosed,
    LeadReopened,
    OpportunityOpened,
    StageChanged,
)
from leadway.money import amount_faults

# Clocks differ; a call that ended this minute is not refused as being in the future.
CLOCK_DIFFERENCE_MAX: Final = timedelta(minutes=5)


def log_activity(command: LogActivity, state: State) -> tuple[Fact, ...]:
    """Note an activity; all but a note are attempts to reach the customer, whatever came of them."""
    owner = working(command, state)
    if any(each.activity_id == command.activity_id for each in state.work.activities):
        return ()
    if command.occurred_at is not None and command.occurred_at > command.now + CLOCK_DIFFERENCE_MAX:
        raise InvalidRequest("", [Fault("#/occurred_at", "it has not happened yet")])
    return (
        ActivityLogged(
            lead_id=command.lead_id,
            assignment_id=owner.assignment_id,
            activity_id=command.activity_id,
            kind=command.kind,
            outcome=command.outcome,
            occurred_at=command.occurred_at,
            logged_at=command.now,
            attempt=command.kind != "note",
            personal=command.personal,
        ),
    )


def change_stage(command: ChangeStage, state: State) -> tuple[Fact, ...]:
    """Move to any stage that the pipeline has, either way; to the present one: nothing."""
    owner = working(command, state)
    if command.stage not in command.known:
        known = ", ".join(command.known)
        fault = Fault("#/stage", f"the pipeline's stages are {known}")
        raise UnknownStage("The pipeline has no such stage.", [fault], known=list(command.known))
    if state.work.stage == command.stage:
        return ()
    return (
        StageChanged(
            lead_id=command.lead_id,
            assignment_id=owner.assignment_id,
            stage=command.stage,
            previous=state.work.stage,
            stages_version=command.stages_version,
        ),
    )


def open_opportunity(command: OpenOpportunity, state: State) -> tuple[Fact, ...]:
    """Expect an amount, which may be zero as long as nobody knows."""
    owner = working(command, state)
    opportunities = state.work.opportunities
    if any(each.opportunity_id == command.opportunity_id for each in opportunities):
        return ()
    faults = amount_faults(command.amount, "#/amount")
    if faults:
        raise InvalidRequest("", faults)
    if len(opportunities) >= OPPORTUNITIES_MAX:
        raise TooMany(f"A lead has at most {OPPORTUNITIES_MAX} opportunities.")
    return (
        OpportunityOpened(
            lead_id=command.lead_id,
            assignment_id=owner.assignment_id,
            opportunity_id=command.opportunity_id,
            amount=command.amount,
            expected_close=command.expected_close,
            product=command.product,
            personal=command.personal,
        ),
    )


def close_lead(command: CloseLead, state: State) -> tuple[Fact, ...]:
    """End the work; a lead with open deals ends with them, not before."""
    assignment_id = owner_or_overseer(command)
    if isinstance(state, Closed):
        if state.outcome == command.outcome:
            return ()
        raise LeadIsClosed(f"It was closed as {state.outcome}.")
    pending = [deal for deal in state.work.deals if is_pending(deal)]
    if pending:
        # Only those that the caller may know of: another partner's deal may be among them.
        known = [deal.deal_id for deal in pending if _knows(command, deal.partner_id)]
        raise DealsOpen("Win or lose them first.", deals=known)
    return (
        LeadClosed(
            lead_id=command.lead_id,
            assignment_id=assignment_id,
            outcome=command.outcome,
            personal=command.personal,
        ),
    )


def _knows(command: CloseLead, partner_id: str | None) -> bool:
    return command.by.role != "partner" or command.by.partner_id == partner_id


def reopen_lead(command: ReopenLead, state: State) -> tuple[Fact, ...]:
    """Open a closed lead again, to be routed anew; an open one is open already."""
    owner_or_overseer(command)
    if not isinstance(state, Closed):
        return ()
    return (LeadReopened(lead_id=command.lead_id, personal=command.personal),)


def answer_first_contact(command: AnswerFirstContact, state: State) -> tuple[Fact, ...]:
    """Say that first contact was missed, unless it was made by the deadline or no longer matters.

    What counts is when an attempt was logged. A deal of the assignment and the lead's end stop the clock; their facts
    are on their way.
    """
    work = state.work
    made = any(
        each.assignment_id == command.assignment_id and each.logged_at <= command.due_at for each in work.attempts
    )
    registered = any(deal.assignment_id == command.assignment_id for deal in work.deals)
    answered = command.assignment_id in work.missed
    if made or registered or answered or not command.current or isinstance(state, Closed):
        return ()
    return (ContactMissed(lead_id=command.lead_id, assignment_id=command.assignment_id, due_at=command.due_at),)

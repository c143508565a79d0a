"""What follows from each command. A command that was carried out, or concerns no open clock, leads to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypedDict

from leadway.decider import Decider
from leadway.facts.sla_timer import Clock, SlaBreached, SlaDue, SlaMet, SlaReminded, SlaStarted, SlaStopped
from leadway.sla_timer.decider._commands import (
    Accept,
    Close,
    Command,
    Contact,
    EndHold,
    LeavePool,
    Miss,
    Pool,
    StartHold,
    StopForDeal,
    Wake,
)
from leadway.sla_timer.decider._state import Clocks, Deadline, Open, Running, SlaFact, evolve
from leadway.sla_timer.policy import Plan


def decide(command: Command, state: Clocks) -> Sequence[SlaFact]:  # noqa: PLR0911 one return for each command
    """The facts that follow."""
    match command:
        case StartHold():
            return _start_hold(command, state)
        case Pool():
            return _pool(command, state)
        case LeavePool() | Close() | EndHold() | StopForDeal():
            return [_stop(command.lead_id, each, command.why, command.by) for each in _stopped_by(command, state)]
        case Accept():
            return _meet(state.find("accept", command.assignment_id), command.lead_id, command.at, command.by)
        case Contact():
            found = state.find("first_contact", command.assignment_id)
            return _meet(found, command.lead_id, command.logged_at, command.by)
        case Miss():
            return _miss(command, state)
        case Wake():
            return _wake(command, state)


def _start_hold(command: StartHold, state: Clocks) -> Sequence[SlaFact]:
    facts = _leave_pool(command, state)
    for planned in command.plan.clocks:
        # A claim is an acceptance, and so is a hold that needs none.
        settled = planned.clock == "accept" and command.accepted
        if not settled and not state.knows(planned.clock, command.assignment_id):
            facts.append(_started(command, planned.clock))
    return facts


def _pool(command: Pool, state: Clocks) -> Sequence[SlaFact]:
    earlier = [each for each in _in_pool(state) if each.deadline.pooling_id != command.pooling_id]
    facts: list[SlaFact] = [_stop(command.lead_id, each, command.why, command.by) for each in earlier]
    facts += [
        _started(command, planned.clock)
        for planned in command.plan.clocks
        if not state.knows(planned.clock, command.pooling_id)
    ]
    return facts


def _leave_pool(command: StartHold, state: Clocks) -> list[SlaFact]:
    facts: list[SlaFact] = []
    for each in _in_pool(state):
        deadline = each.deadline
        if deadline.pooling_id == command.claimed and command.at <= deadline.due_at:
            facts.append(_met(command.lead_id, deadline, command.at, command.by))
        else:
            facts.append(_stop(command.lead_id, each, command.why, command.by))
    return facts


def _in_pool(state: Clocks) -> list[Open]:
    return [each for each in state.open if each.deadline.pooling_id is not None]


def _stopped_by(command: LeavePool | Close | EndHold | StopForDeal, state: Clocks) -> Iterable[Open]:
    match command:
        case LeavePool():
            return _in_pool(state)
        case Close():
            return state.open
        case EndHold():
            return [each for each in state.open if each.deadline.assignment_id == command.assignment_id]
        case StopForDeal():
            return [each for each in state.open if _concerns(command, each.deadline)]


def _concerns(command: StopForDeal, deadline: Deadline) -> bool:
    if command.assignment_id is not None:
        return deadline.assignment_id == command.assignment_id
    return command.partner_id is not None and deadline.partner_id == command.partner_id


def _meet(found: Open | None, lead_id: str, at: datetime, by: str) -> Sequence[SlaFact]:
    """Done by the deadline is done in time, whether or not the question about it is under way already.

    Done later leads to nothing: the owner of the evidence, which knows it too, will say that it was missed.
    """
    if found is None or at > found.deadline.due_at:
        return ()
    return (_met(lead_id, found.deadline, at, by),)


def _miss(command: Miss, state: Clocks) -> Sequence[SlaFact]:
    found = state.find(command.clock, command.runs_for)
    if found is None:
        return ()
    deadline = found.deadline
    breached = SlaBreached(**_of(command.lead_id, deadline), on_breach=deadline.on_breach, missed_fact=command.by)
    return (breached,)


def _wake(command: Wake, state: Clocks) -> Sequence[SlaFact]:
    """Never early. After an outage only the newest reminder is said, and none once the deadline is there."""
    found = state.find(command.clock, command.runs_for)
    if not isinstance(found, Running):
        return ()
    deadline = found.deadline
    if command.at >= deadline.due_at:
        return (SlaDue(**_of(command.lead_id, deadline)),)
    passed = [reminder for reminder in deadline.reminders if reminder.at <= command.at]
    if not passed or passed[-1].sent_at is not None:
        return ()
    return (SlaReminded(**_of(command.lead_id, deadline), remind_at=passed[-1].at, reminded_at=command.at),)


class _Of(TypedDict):
    lead_id: str
    clock: Clock
    assignment_id: str | None
    pooling_id: str | None
    partner_id: str | None
    policy: str
    policy_version: int
    due_at: datetime


def _of(lead_id: str, deadline: Deadline) -> _Of:
    """What every sla fact says of its clock."""
    return _Of(
        lead_id=lead_id,
        clock=deadline.clock,
        assignment_id=deadline.assignment_id,
        pooling_id=deadline.pooling_id,
        partner_id=deadline.partner_id,
        policy=deadline.policy,
        policy_version=deadline.policy_version,
        due_at=deadline.due_at,
    )


def _started(command: StartHold | Pool, clock: Clock) -> SlaStarted:
    plan: Plan = command.plan
    planned = next(each for each in plan.clocks if each.clock == clock)
    held = isinstance(command, StartHold)
    return SlaStarted(
        lead_id=command.lead_id,
        clock=clock,
        assignment_id=command.assignment_id if held else None,
        pooling_id=None if held else command.pooling_id,
        partner_id=command.partner_id if held else None,
        policy=plan.policy,
        policy_version=plan.policy_version,
        started_at=command.at,
        due_at=planned.due_at,
        remind_at=planned.remind_at,
        on_breach=planned.on_breach,
    )


def _met(lead_id: str, deadline: Deadline, at: datetime, by: str) -> SlaMet:
    return SlaMet(**_of(lead_id, deadline), met_by=by, met_at=at)


def _stop(lead_id: str, each: Open, why: str, by: str) -> SlaStopped:
    return SlaStopped(**_of(lead_id, each.deadline), reason=why, stopped_by=by)


DECIDER: Final[Decider[Command, Clocks, SlaFact]] = Decider(initial=Clocks(), decide=decide, evolve=evolve)

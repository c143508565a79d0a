"""The clocks of one lead, and how facts move them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

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

ENDED_KEPT: Final = 24

SlaFact = SlaStarted | SlaReminded | SlaDue | SlaMet | SlaBreached | SlaStopped


class Reminder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A planned reminder; `sent_at` is None before it was sent, and for ever where a later one overtook it."""

    at: datetime
    sent_at: datetime | None = None


class Deadline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A clock, what it runs for, and its instants."""

    clock: Clock
    assignment_id: str | None = None
    pooling_id: str | None = None
    partner_id: str | None = None
    policy: str
    policy_version: int
    started_at: datetime
    due_at: datetime
    reminders: tuple[Reminder, ...] = ()
    on_breach: OnBreach

    @property
    def runs_for(self) -> str:
        """The assignment, or the stay in a pool."""
        return self.assignment_id or self.pooling_id or ""

    def is_of(self, clock: str, runs_for: str) -> bool:
        """Whether this is that clock of that assignment or stay."""
        return self.clock == clock and self.runs_for == runs_for


class Running(msgspec.Struct, frozen=True, tag=True):
    """Not due yet."""

    deadline: Deadline


class Awaiting(msgspec.Struct, frozen=True, tag=True):
    """Due: the owner of the evidence was asked, and has not answered."""

    deadline: Deadline


class Met(msgspec.Struct, frozen=True, tag=True):
    """Done in time."""

    deadline: Deadline
    met_at: datetime


class Breached(msgspec.Struct, frozen=True, tag=True):
    """Missed."""

    deadline: Deadline


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """Not needed any more."""

    deadline: Deadline
    why: str


Open = Running | Awaiting
Ended = Met | Breached | Stopped


class Clocks(msgspec.Struct, frozen=True):
    """A lead's clocks: the open ones, and the newest of those that ended, in the order of their ending."""

    open: tuple[Open, ...] = ()
    ended: tuple[Ended, ...] = ()

    def find(self, clock: str, runs_for: str) -> Open | None:
        """The open clock of that name for that assignment or stay."""
        return next((each for each in self.open if each.deadline.is_of(clock, runs_for)), None)

    def knows(self, clock: str, runs_for: str) -> bool:
        """Whether that clock was ever started, as far back as ended ones are kept."""
        return any(each.deadline.is_of(clock, runs_for) for each in (*self.open, *self.ended))


def evolve(state: Clocks, fact: SlaFact) -> Clocks:
    """The clocks after an own fact."""
    match fact:
        case SlaStarted():
            return Clocks((*state.open, Running(_deadline(fact))), state.ended)
        case SlaReminded():
            return _change(state, fact, lambda each: _reminded(each, fact))
        case SlaDue():
            return _change(state, fact, lambda each: Awaiting(each.deadline))
        case SlaMet():
            return _end(state, fact, lambda deadline: Met(deadline, fact.met_at))
        case SlaBreached():
            return _end(state, fact, Breached)
        case SlaStopped():
            return _end(state, fact, lambda deadline: Stopped(deadline, fact.reason))


def _deadline(fact: SlaStarted) -> Deadline:
    return Deadline(
        clock=fact.clock,
        assignment_id=fact.assignment_id,
        pooling_id=fact.pooling_id,
        partner_id=fact.partner_id,
        policy=fact.policy,
        policy_version=fact.policy_version,
        started_at=fact.started_at,
        due_at=fact.due_at,
        reminders=tuple(Reminder(at) for at in fact.remind_at),
        on_breach=fact.on_breach,
    )


def _reminded(each: Open, fact: SlaReminded) -> Open:
    sent_at = fact.reminded_at or fact.remind_at
    reminders = tuple(
        Reminder(reminder.at, sent_at) if reminder.at == fact.remind_at else reminder
        for reminder in each.deadline.reminders
    )
    return msgspec.structs.replace(each, deadline=msgspec.structs.replace(each.deadline, reminders=reminders))


def _runs_for(fact: SlaFact) -> str:
    return fact.assignment_id or fact.pooling_id or ""


def _change(state: Clocks, fact: SlaFact, change: Callable[[Open], Open]) -> Clocks:
    runs_for = _runs_for(fact)
    changed = (change(each) if each.deadline.is_of(fact.clock, runs_for) else each for each in state.open)
    return Clocks(tuple(changed), state.ended)


def _end(state: Clocks, fact: SlaFact, end: Callable[[Deadline], Ended]) -> Clocks:
    found = state.find(fact.clock, _runs_for(fact))
    if found is None:
        return state
    remaining = tuple(each for each in state.open if each is not found)
    return Clocks(remaining, (*state.ended, end(found.deadline))[-ENDED_KEPT:])

"""When a lead's clocks want to be woken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from leadway.facts import Fact
from leadway.facts.sla_timer import Clock, SlaBreached, SlaDue, SlaReminded
from leadway.sla_timer.decider import Clocks, Deadline, Running
from leadway.stage import Timer


@dataclass(frozen=True, slots=True)
class Woken:
    """A timer is due; what time it is now is still to be said."""

    lead_id: str
    clock: Clock
    runs_for: str


def timers(state: Clocks) -> Iterable[Timer]:
    """The reminders to come and the deadline of each running clock; one that fell due waits for its answer."""
    for each in state.open:
        if isinstance(each, Running):
            yield from _reminders(each.deadline)
            yield Timer(f"due:{each.deadline.clock}:{each.deadline.runs_for}", each.deadline.due_at)


def on_timer(lead_id: str, timer: Timer) -> Woken:
    """The command for a timer that is due."""
    _, clock, runs_for, *_ = timer.name.split(":")
    return Woken(lead_id, cast("Clock", clock), runs_for)


def _reminders(deadline: Deadline) -> Iterable[Timer]:
    said = max((index for index, each in enumerate(deadline.reminders) if each.sent_at), default=-1)
    for index, reminder in enumerate(deadline.reminders):
        if index > said:
            yield Timer(f"remind:{deadline.clock}:{deadline.runs_for}:{index}", reminder.at)


def time_of(fact: Fact) -> datetime | None:
    """A deadline's facts happen when it was due, whenever they are said."""
    match fact:
        case SlaDue() | SlaBreached():
            return fact.due_at
        case SlaReminded():
            return fact.remind_at
        case _:
            return None

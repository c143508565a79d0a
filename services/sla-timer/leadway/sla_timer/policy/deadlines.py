"""When a policy's clocks remind and fall due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadway.facts.sla_timer import Clock, ClockPolicy, OnBreach, Policy
from leadway.sla_timer.policy.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Planned:
    """One clock with its instants."""

    clock: Clock
    due_at: datetime
    remind_at: tuple[datetime, ...]
    on_breach: OnBreach


@dataclass(frozen=True, slots=True)
class Plan:
    """The clocks that a hold, or a stay in a pool, starts: none where no policy applies."""

    policy: str
    policy_version: int
    clocks: tuple[Planned, ...] = ()


def plan(policy: Policy, version: int, start: datetime, calendar: Calendar) -> Plan:
    """What a policy means for a hold that began at `start`."""
    return Plan(policy.name, version, tuple(plan_clock(clock, start, calendar) for clock in policy.clocks))


def plan_clock(clock: ClockPolicy, start: datetime, calendar: Calendar) -> Planned:
    """The instants of one clock that starts at `start`."""
    within = timedelta(seconds=clock.within_seconds)
    due_at = calendar.add(start, within)
    return Planned(
        clock=clock.clock,
        due_at=due_at,
        remind_at=tuple(_before(due_at, (calendar.add(start, within * share) for share in clock.remind_at))),
        on_breach=clock.on_breach,
    )


def _before(due_at: datetime, instants: Iterable[datetime]) -> Iterable[datetime]:
    """Each instant once, and none that is no earlier than the deadline: a calendar may draw instants together."""
    return (at for at in dict.fromkeys(instants) if at < due_at)

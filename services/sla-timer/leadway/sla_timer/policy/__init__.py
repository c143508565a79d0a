"""sla-timer's arithmetic: which policy applies, and when its clocks remind and fall due. Pure."""

from leadway.sla_timer.policy.calendar import Calendar, WallClock
from leadway.sla_timer.policy.deadlines import Plan, Planned, plan, plan_clock
from leadway.sla_timer.policy.policies import (
    DEFAULT_POLICIES,
    HOLD,
    PolicyBook,
    compile_policies,
    duration_seconds,
    duration_text,
)

__all__ = [
    "DEFAULT_POLICIES",
    "HOLD",
    "Calendar",
    "Plan",
    "Planned",
    "PolicyBook",
    "WallClock",
    "compile_policies",
    "duration_seconds",
    "duration_text",
    "plan",
    "plan_clock",
]

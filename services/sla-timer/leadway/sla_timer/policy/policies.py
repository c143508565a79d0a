"""Policies made ready: their conditions compiled, the first that matches found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from leadway.conditions import ANY_FIELD, FIELDS, Condition, Known, parse
from leadway.facts.sla_timer import ClockPolicy, Policy

HOLD: Final = Known(fields=FIELDS - {"touch", "asset", ANY_FIELD})
"""What a policy may ask: the assignment's tier and method, the lead's score, and what the lead is."""

DEFAULT_POLICIES: Final = (
    Policy(
        name="standard",
        clocks=(
            ClockPolicy(clock="accept", within_seconds=24 * 3600, remind_at=(0.5, 0.8), on_breach="reclaim"),
            ClockPolicy(clock="first_contact", within_seconds=72 * 3600, remind_at=(0.5, 0.8), on_breach="reclaim"),
        ),
    ),
)
"""In force (version 0) until an admin puts policies: a day to accept, three days to a first attempt at contact."""


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policies of one version, in their order."""

    version: int
    policies: tuple[tuple[Condition, Policy], ...]

    def applying(self, values: Mapping[str, object]) -> Policy | None:
        """The first policy whose condition holds; None: the hold runs against no deadline."""
        return next((policy for when, policy in self.policies if when.matches(values)), None)


def compile_policies(policies: Sequence[Policy], version: int) -> PolicyBook:
    """Policies that were checked when they were put. Raises BadCondition where a condition is none."""
    return PolicyBook(version, tuple((parse(policy.when, HOLD), policy) for policy in policies))


def duration_seconds(text: str) -> int:
    """An ISO 8601 duration in whole seconds. Raises ValueError where it is none, or shorter than one second."""
    try:
        seconds = int(msgspec.convert(text, timedelta).total_seconds())
    except msgspec.ValidationError:
        seconds = 0
    if seconds < 1:
        raise ValueError("must be an ISO 8601 duration of a second or more, such as PT4H")
    return seconds


def duration_text(seconds: int) -> str:
    """One second or more as an ISO 8601 duration: `P1DT12H`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    time = "".join(f"{count}{unit}" for count, unit in ((hour, "H"), (minute, "M"), (second, "S")) if count)
    return "P" + (f"{day}D" if day else "") + (f"T{time}" if time else "")

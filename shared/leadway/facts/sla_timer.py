"""What sla-timer says: the deadlines that run, remind, fall due and end.

A clock is named by `clock` and by what it runs for: an assignment, or (clock `claim`) a stay in a pool.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire

Clock = Literal["accept", "first_contact", "claim", "activity"]
OnBreach = Literal["reclaim", "alert", "next_step"]


class _Sla(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    told_apart_by: ClassVar[tuple[str, ...]] = ("clock", "assignment_id", "pooling_id")

    lead_id: str
    clock: Clock
    assignment_id: str | None = None
    pooling_id: str | None = None
    partner_id: str | None = None
    policy: str
    policy_version: int
    due_at: datetime


@wire("sla.started.v1", source="sla-timer")
class SlaStarted(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """A deadline runs."""

    started_at: datetime
    remind_at: tuple[datetime, ...] = ()
    on_breach: OnBreach


@wire("sla.reminded.v1", source="sla-timer")
class SlaReminded(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """A share of the time is gone and the work is not done. The envelope's time is `remind_at`."""

    remind_at: datetime
    reminded_at: datetime | None = None  # when it was really said: later than planned after an outage


@wire("sla.due.v1", source="sla-timer")
class SlaDue(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """The deadline is here: the owner of the evidence says whether it was kept. The envelope's time is `due_at`."""


@wire("sla.met.v1", source="sla-timer")
class SlaMet(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """The work was done in time. `met_by` is the fact that did it."""

    met_by: str
    met_at: datetime


@wire("sla.breached.v1", source="sla-timer")
class SlaBreached(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """The owner of the evidence said that the deadline was missed; the envelope's time is `due_at`."""

    on_breach: OnBreach
    missed_fact: str


@wire("sla.stopped.v1", source="sla-timer")
class SlaStopped(_Sla, frozen=True, kw_only=True, omit_defaults=True):
    """The deadline no longer matters: the hold ended or a deal was registered."""

    reason: str  # the stopping fact's type, without its version
    stopped_by: str


class ClockPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clock of a policy. `remind_at`: shares of the time, ascending, between 0 and 1."""

    clock: Clock
    within_seconds: int
    remind_at: tuple[float, ...] = ()
    on_breach: OnBreach = "reclaim"


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named set of clocks and the condition under which it applies."""

    name: str
    when: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    clocks: tuple[ClockPolicy, ...] = ()


@wire("policies.changed.v1", source="sla-timer")
class PoliciesChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """The SLA policies as they stand, first match wins. entity_id: `policies`."""

    policies: tuple[Policy, ...]

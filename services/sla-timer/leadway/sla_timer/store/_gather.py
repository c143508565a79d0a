"""What a command needs from outside its lead: now, and the deadlines that the policies in force set."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, cast

from leadway.facts.router import LeadClaimed
from leadway.facts.sla_timer import PoliciesChanged
from leadway.profile import profile_values
from leadway.sla_timer.decider import Command, Pool, StartHold, Wake
from leadway.sla_timer.policy import (
    DEFAULT_POLICIES,
    Calendar,
    Plan,
    Planned,
    PolicyBook,
    compile_policies,
    plan,
)
from leadway.sla_timer.store._mirror import Lead
from leadway.sla_timer.store._timing import Woken
from leadway.sla_timer.translate import HoldBegan, PoolEntered
from leadway.stage import Around, Catalogs, Gathering

POLICIES_ID: Final = "policies"
_OTHERWISE: Final = "otherwise"
_NO_DEADLINE: Final = "none"


def gathering(calendar: Calendar) -> Gathering:
    """Completes commands with deadlines that `calendar` reckons."""

    def complete(command: Any, around: Around) -> tuple[str, Command]:
        match command:
            case HoldBegan():
                return around.subject, _start_hold(command, around, calendar)
            case PoolEntered():
                return around.subject, _pool(command, calendar)
            case Woken():
                return around.subject, Wake(command.lead_id, command.clock, command.runs_for, around.now)
            case _:
                return around.subject, cast("Command", command)

    return Gathering(complete=complete)


def policy_book(catalogs: Catalogs) -> PolicyBook:
    """The policies in force, compiled once for each version."""
    return catalogs.memo("sla-timer: policies", _compiled)


def _compiled(catalogs: Catalogs) -> PolicyBook:
    put = catalogs.get(PoliciesChanged, POLICIES_ID)
    return compile_policies(DEFAULT_POLICIES, 0) if put is None else compile_policies(put.policies, put.version)


def _start_hold(began: HoldBegan, around: Around, calendar: Calendar) -> StartHold:
    fact = began.fact
    claimed = fact.pooling_id if isinstance(fact, LeadClaimed) else None
    return StartHold(
        lead_id=fact.lead_id,
        assignment_id=fact.assignment_id,
        partner_id=fact.partner_id,
        at=began.at,
        by=began.by,
        why="lead.assigned" if claimed is None else "lead.claimed",
        plan=_hold_plan(began, around, calendar),
        accepted=isinstance(fact, LeadClaimed) or fact.accepted,
        claimed=claimed,
    )


def _hold_plan(began: HoldBegan, around: Around, calendar: Calendar) -> Plan:
    book = policy_book(around.catalogs)
    fact = began.fact
    if not isinstance(fact, LeadClaimed) and not fact.clocks:
        return Plan(_NO_DEADLINE, book.version)
    lead = cast("Lead", around.mirror)
    values = profile_values(lead.profile, around.catalogs)
    values.update(tier=fact.tier, method=fact.method)
    if lead.score is not None:
        values["score"] = lead.score
    policy = book.applying(values)
    return Plan(_NO_DEADLINE, book.version) if policy is None else plan(policy, book.version, began.at, calendar)


def _pool(entered: PoolEntered, calendar: Calendar) -> Pool:
    """The claim clock comes from the step that pooled the lead: its policy is the routing rule, in its version."""
    fact = entered.fact
    decision = fact.decision
    clocks: tuple[Planned, ...] = ()
    if fact.claim_within_seconds is not None:
        due_at = calendar.add(entered.at, timedelta(seconds=fact.claim_within_seconds))
        clocks = (Planned("claim", due_at, (), "next_step"),)
    return Pool(
        lead_id=fact.lead_id,
        pooling_id=fact.pooling_id,
        at=entered.at,
        by=entered.by,
        why="lead.pooled",
        plan=Plan(decision.rule or _OTHERWISE, decision.rules_version, clocks),
    )

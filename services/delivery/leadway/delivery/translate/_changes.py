"""What of each fact is told as its `change`: named field by field, so that a field added later is not told by accident.

Nothing personal is here, nothing about other partners, and nothing of how a routing was decided.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from leadway.facts import Fact, dealreg, ingest, router, scoring, sla_timer

_SLA: Final = ("clock", "assignment_id", "policy", "policy_version", "due_at")
_DEAL: Final = ("deal_id",)
_SECONDS: Final = "_seconds"

_TOLD: Final[dict[type[Fact], tuple[str, ...]]] = {
    ingest.LeadCaptured: ("source_id", "origin", "touch", "previous_lead_id"),
    ingest.LeadTouched: ("source_id", "product", "touch"),
    ingest.InterestClosed: ("closed_by",),
    ingest.InterestReopened: ("reopened_by",),
    scoring.LeadScored: ("score", "fit", "engagement", "as_of", "model_version"),
    scoring.LeadQualified: ("score", "label", "model_version"),
    scoring.LeadDisqualified: ("score", "reason", "model_version"),
    router.LeadPooled: ("pooling_id", "claim_within_seconds", "product"),
    router.LeadRetained: ("queue", "reason"),
    router.LeadUnroutable: ("reason",),
    router.LeadAssigned: ("assignment_id", "partner_id", "tier", "method", "accepted", "reveal", "rule"),
    router.LeadClaimed: ("assignment_id", "partner_id", "tier", "method", "pooling_id", "reveal", "rule"),
    router.LeadAccepted: ("assignment_id", "partner_id"),
    router.LeadDeclined: ("assignment_id", "partner_id", "reason"),
    router.LeadReclaimed: ("assignment_id", "partner_id", "clock", "due_at"),
    router.LeadWithdrawn: ("assignment_id", "partner_id", "reason"),
    router.LeadReleased: ("assignment_id", "partner_id", "outcome"),
    router.AcceptanceMissed: ("assignment_id", "clock", "due_at"),
    router.ClaimMissed: ("pooling_id", "clock", "due_at"),
    sla_timer.SlaStarted: (*_SLA, "started_at", "remind_at", "on_breach"),
    sla_timer.SlaReminded: (*_SLA, "remind_at"),
    sla_timer.SlaDue: _SLA,
    sla_timer.SlaMet: (*_SLA, "met_at", "met_by"),
    sla_timer.SlaBreached: (*_SLA, "on_breach"),
    sla_timer.SlaStopped: (*_SLA, "reason"),
    dealreg.ActivityLogged: (
        "assignment_id",
        "activity_id",
        "kind",
        "outcome",
        "occurred_at",
        "logged_at",
        "attempt",
    ),
    dealreg.ContactMissed: ("assignment_id", "clock", "due_at"),
    dealreg.StageChanged: ("assignment_id", "stage", "previous"),
    dealreg.OpportunityOpened: ("assignment_id", "opportunity_id", "amount", "expected_close", "product"),
    dealreg.LeadClosed: ("assignment_id", "outcome"),
    dealreg.DealRegistered: ("deal_id", "partner_id", "opportunity_id", "origin", "linked", "amount", "product"),
    # Whose deal it collides with is for channel managers to look up, never for a partner to be told.
    dealreg.DealConflicted: _DEAL,
    dealreg.DealReturned: _DEAL,
    dealreg.DealApproved: (*_DEAL, "protected_until"),
    dealreg.DealRejected: _DEAL,
    dealreg.DealExpired: _DEAL,
    dealreg.DealWon: (*_DEAL, "amount", "closed_at"),
    dealreg.DealLost: _DEAL,
    dealreg.DealAmended: (*_DEAL, "amount", "previous", "effective_at"),
    dealreg.DealReopened: (*_DEAL, "booked"),
}


def change_of(fact: Fact) -> dict[str, object]:
    """The fields of a fact that are told, as JSON values; a fact that is not listed tells that it happened.

    Durations are told as ISO 8601, under a name without their unit: `claim_within`.
    """
    change: dict[str, object] = {}
    for name in _TOLD.get(type(fact), ()):
        value = getattr(fact, name)
        if value is not None and name.endswith(_SECONDS):
            change[name.removesuffix(_SECONDS)] = msgspec.to_builtins(timedelta(seconds=value))
        elif value is not None:
            change[name] = msgspec.to_builtins(value)
    return change

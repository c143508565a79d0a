"""Other services' facts, as commands to the router."""

from __future__ import annotations

from leadway.facts import Envelope, Fact
from leadway.facts.dealreg import (
    DealApproved,
    DealExpired,
    DealLost,
    DealRegistered,
    DealRejected,
    DealReopened,
    DealWon,
    LeadClosed,
    LeadReopened,
)
from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched, SourceChanged, VocabularyChanged
from leadway.facts.scoring import LeadDisqualified, LeadQualified, LeadScored
from leadway.facts.sla_timer import SlaBreached, SlaDue
from leadway.router.decider import (
    AnswerDue,
    AnyCommand,
    Disqualify,
    Originate,
    Reclaim,
    Reconsider,
    Release,
    Reopen,
    Route,
)

FOREIGN: tuple[type[Fact], ...] = (
    LeadCaptured,
    LeadTouched,
    LeadScored,
    LeadQualified,
    LeadDisqualified,
    SlaDue,
    SlaBreached,
    LeadClosed,
    LeadReopened,
    DealRegistered,
    DealApproved,
    DealRejected,
    DealExpired,
    DealWon,
    DealLost,
    DealReopened,
    CampaignChanged,
    VocabularyChanged,
    SourceChanged,
)
"""Every fact of others that the router reads; those without a command below only change what it knows of the lead."""

WAKING: frozenset[type[Fact]] = frozenset(FOREIGN) - {LeadCaptured, LeadScored}
"""A capture and a score ask for nothing: the qualification that follows takes them along."""

_ANSWERED = frozenset({"accept", "claim"})


def translate(envelope: Envelope) -> AnyCommand | None:  # noqa: PLR0911 a branch for each fact
    """The command that a fact means, None where it asks for nothing."""
    match envelope.data:
        case LeadQualified():
            return Route()
        case LeadTouched() as touched:
            return _reconsider(touched)
        case LeadDisqualified():
            return Disqualify()
        case SlaDue() as due if due.clock in _ANSWERED:
            return AnswerDue(
                clock=due.clock, due_at=due.due_at, assignment_id=due.assignment_id, pooling_id=due.pooling_id
            )
        case SlaBreached(on_breach="reclaim", assignment_id=str(assignment_id)) as breached:
            return Reclaim(
                clock=breached.clock, due_at=breached.due_at, assignment_id=assignment_id, breach=envelope.id
            )
        case LeadClosed() as closed:
            return Release(outcome=closed.outcome, closed_by=envelope.id)
        case LeadReopened() as reopened:
            return Reopen(partner_id=reopened.partner_id)
        case DealRegistered(originated=True, partner_id=str(partner_id)):
            return Originate(partner_id=partner_id)
        case _:
            return None


def _reconsider(touched: LeadTouched) -> Reconsider | None:
    product = touched.product is not None
    consent = any(consent.purpose == "partner_sharing" for consent in touched.consent)
    return Reconsider(product=product, consent=consent) if product or consent else None

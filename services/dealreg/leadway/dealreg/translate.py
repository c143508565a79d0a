"""What dealreg makes of other services' facts: a first_contact deadline asks it something, all else is remembered."""

from __future__ import annotations

from typing import Final

from leadway.dealreg.decider.commands import AnswerFirstContact
from leadway.facts import Envelope, Fact
from leadway.facts.ingest import LeadCaptured, LeadTouched, VocabularyChanged
from leadway.facts.router import (
    LeadAccepted,
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadPooled,
    LeadReclaimed,
    LeadReleased,
    LeadRetained,
    LeadUnroutable,
    LeadWithdrawn,
    PartnerChanged,
)
from leadway.facts.scoring import LeadScored
from leadway.facts.sla_timer import SlaBreached, SlaDue, SlaMet, SlaReminded, SlaStarted, SlaStopped

FOREIGN: Final[tuple[type[Fact], ...]] = (
    LeadCaptured,
    LeadTouched,
    LeadScored,
    LeadPooled,
    LeadRetained,
    LeadUnroutable,
    LeadAssigned,
    LeadClaimed,
    LeadAccepted,
    LeadDeclined,
    LeadReclaimed,
    LeadWithdrawn,
    LeadReleased,
    SlaStarted,
    SlaReminded,
    SlaDue,
    SlaMet,
    SlaBreached,
    SlaStopped,
    PartnerChanged,
    VocabularyChanged,
)


def translate(envelope: Envelope) -> AnswerFirstContact | None:
    """The command behind a foreign fact; None where it asks nothing of dealreg."""
    fact = envelope.data
    if isinstance(fact, SlaDue) and fact.clock == "first_contact" and fact.assignment_id is not None:
        return AnswerFirstContact(lead_id=fact.lead_id, assignment_id=fact.assignment_id, due_at=fact.due_at)
    return None

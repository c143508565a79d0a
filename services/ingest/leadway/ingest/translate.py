"""What other services' facts mean to ingest: that an interest ends, or begins again; and which partners there are."""

from __future__ import annotations

from leadway.facts import Envelope
from leadway.facts.dealreg import LeadClosed, LeadReopened
from leadway.facts.router import PartnerChanged
from leadway.ingest.decider import CloseInterest, Command, ReopenInterest

FOREIGN = (LeadClosed, LeadReopened, PartnerChanged)


def translate(envelope: Envelope) -> Command | None:
    """The command that a fact gives rise to."""
    match envelope.data:
        case LeadClosed(lead_id=lead_id):
            return CloseInterest(lead_id, envelope.id)
        case LeadReopened(lead_id=lead_id):
            return ReopenInterest(lead_id, envelope.id)
        case _:
            return None

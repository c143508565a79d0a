"""What sla-timer knows of a lead from other services' facts."""

from __future__ import annotations

from typing import Final

import msgspec

from leadway.facts import Envelope
from leadway.facts.router import (
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadReclaimed,
    LeadReleased,
    LeadWithdrawn,
)
from leadway.facts.scoring import LeadScored
from leadway.profile import Profile, learn
from leadway.stage import Mirror


class Holder(msgspec.Struct, frozen=True):
    """The partner that holds the lead, by which assignment."""

    assignment_id: str
    partner_id: str


class Lead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lead as policies see it, and who may see its clocks."""

    profile: Profile = Profile()
    score: float | None = None
    holder: Holder | None = None


def reflect(lead: Lead, envelope: Envelope) -> Lead:
    """The lead after a foreign fact."""
    fact = envelope.data
    match fact:
        case LeadScored():
            return msgspec.structs.replace(lead, score=fact.score)
        case LeadAssigned() | LeadClaimed():
            return msgspec.structs.replace(lead, holder=Holder(fact.assignment_id, fact.partner_id))
        case LeadDeclined() | LeadReclaimed() | LeadWithdrawn() | LeadReleased():
            ended = lead.holder is not None and lead.holder.assignment_id == fact.assignment_id
            return msgspec.structs.replace(lead, holder=None) if ended else lead
        case _:
            profile = learn(lead.profile, fact)
            return lead if profile is lead.profile else msgspec.structs.replace(lead, profile=profile)


MIRROR: Final = Mirror(initial=Lead(), reflect=reflect, type=Lead)

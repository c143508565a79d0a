"""What sla-timer makes of other services' facts: holds begin, are worked on and end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leadway.facts import CatalogFact, Envelope, Fact
from leadway.facts.dealreg import ActivityLogged, ContactMissed, DealRegistered, LeadClosed
from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched
from leadway.facts.router import (
    AcceptanceMissed,
    ClaimMissed,
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
from leadway.sla_timer.decider import (
    Accept,
    Close,
    Contact,
    EndHold,
    LeavePool,
    Miss,
    StopForDeal,
)

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
    AcceptanceMissed,
    ClaimMissed,
    ActivityLogged,
    ContactMissed,
    DealRegistered,
    LeadClosed,
    CampaignChanged,
    PartnerChanged,
)


@dataclass(frozen=True, slots=True)
class HoldBegan:
    """A hold began at `at`; which policy applies is still to be found."""

    fact: LeadAssigned | LeadClaimed
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class PoolEntered:
    """The lead came into a pool at `at`; when its clock falls due is still to be reckoned."""

    fact: LeadPooled
    at: datetime
    by: str


Translated = HoldBegan | PoolEntered | LeavePool | Accept | Contact | EndHold | StopForDeal | Close | Miss


def translate(envelope: Envelope) -> Translated | None:  # noqa: PLR0911 one return for each kind of fact
    """The command behind a foreign fact; None where it moves no clock."""
    fact, by, why = envelope.data, envelope.id, envelope.type.rpartition(".v")[0]
    match fact:
        case LeadAssigned() | LeadClaimed():
            return HoldBegan(fact, fact.at or envelope.time, by)
        case LeadPooled():
            return PoolEntered(fact, fact.at or envelope.time, by)
        case LeadRetained() | LeadUnroutable():
            return LeavePool(fact.lead_id, by, why)
        case LeadAccepted():
            # The instant that the router itself goes by when it is asked whether the deadline was kept.
            return Accept(fact.lead_id, fact.assignment_id, fact.at or envelope.time, by)
        case LeadDeclined() | LeadReclaimed() | LeadWithdrawn() | LeadReleased():
            return EndHold(fact.lead_id, fact.assignment_id, by, why)
        case AcceptanceMissed():
            return Miss(fact.lead_id, "accept", fact.assignment_id, by)
        case ClaimMissed():
            return Miss(fact.lead_id, "claim", fact.pooling_id, by)
        case _:
            return _from_dealreg(envelope, by, why)


def _from_dealreg(envelope: Envelope, by: str, why: str) -> Translated | None:
    match envelope.data:
        case ActivityLogged(attempt=True, assignment_id=str(assignment_id)) as fact:
            return Contact(fact.lead_id, assignment_id, fact.logged_at, by)
        case ContactMissed() as fact:
            return Miss(fact.lead_id, "first_contact", fact.assignment_id, by)
        case DealRegistered() as fact:
            return StopForDeal(fact.lead_id, fact.assignment_id, fact.partner_id, by, why)
        case LeadClosed() as fact:
            return Close(fact.lead_id, by, why)
        case _:
            return None


def awaits(envelope: Envelope) -> Iterable[tuple[type[CatalogFact], str, int]]:
    """The campaign that a touch names, in the version that it was matched with."""
    fact = envelope.data
    if isinstance(fact, LeadCaptured | LeadTouched):
        campaign = fact.touch.campaign
        if campaign.campaign_id is not None and campaign.version is not None:
            yield CampaignChanged, campaign.campaign_id, campaign.version

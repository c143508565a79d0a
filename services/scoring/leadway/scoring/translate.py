"""What scoring makes of other services' facts: each capture and each touch is scored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from leadway.facts import CatalogFact, Envelope, Fact
from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched
from leadway.facts.terms import Touch

FOREIGN: Final[tuple[type[Fact], ...]] = (LeadCaptured, LeadTouched, CampaignChanged)


@dataclass(frozen=True, slots=True)
class ScoreTouch:
    """Score a lead because of a touch; the model and the lead's values are still to be gathered."""

    fact_id: str
    touch: Touch


def translate(envelope: Envelope) -> ScoreTouch | None:
    """The command behind a foreign fact; None where it changes no score."""
    fact = envelope.data
    if isinstance(fact, LeadCaptured | LeadTouched):
        return ScoreTouch(fact_id=envelope.id, touch=fact.touch)
    return None


def awaits(envelope: Envelope) -> Iterable[tuple[type[CatalogFact], str, int]]:
    """The campaign that a touch names, in the version that it was matched with."""
    fact = envelope.data
    if isinstance(fact, LeadCaptured | LeadTouched):
        campaign = fact.touch.campaign
        if campaign.campaign_id is not None and campaign.version is not None:
            yield CampaignChanged, campaign.campaign_id, campaign.version

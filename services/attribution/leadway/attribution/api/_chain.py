"""A lead's chain as it is shown: names joined from the catalogs as they stand now."""

from __future__ import annotations

from typing import Any

import msgspec

from leadway.attribution.policy import CampaignCodes
from leadway.attribution.projection import Chain
from leadway.facts.ingest import CampaignChanged, SourceChanged
from leadway.facts.router import PartnerChanged
from leadway.stage import Catalogs


def campaign_codes(catalogs: Catalogs) -> CampaignCodes:
    """The codes of all campaigns as they stand."""
    return catalogs.memo(
        "attribution.codes",
        lambda known: CampaignCodes({one: found.codes for one, found in known.all(CampaignChanged).items()}),
    )


def shown(lead_id: str, chain: Chain, catalogs: Catalogs) -> dict[str, Any]:
    """The whole chain; each step has the id of its fact."""
    codes = campaign_codes(catalogs)
    body: dict[str, Any] = msgspec.to_builtins(chain)
    body["lead_id"] = lead_id
    body["touches"] = [
        msgspec.to_builtins(touch) | {"campaign": _campaign(codes.resolve(*_said(touch.campaign)), catalogs)}
        for touch in chain.touches
    ]
    body["assignments"] = [
        msgspec.to_builtins(hold) | {"partner": _name(catalogs.get(PartnerChanged, hold.partner_id))}
        for hold in chain.assignments
    ]
    body["deals"] = [{"deal_id": deal_id, **msgspec.to_builtins(deal)} for deal_id, deal in chain.deals.items()]
    body["opportunities"] = [
        {"opportunity_id": opportunity_id, **msgspec.to_builtins(opportunity)}
        for opportunity_id, opportunity in chain.opportunities.items()
    ]
    if chain.began is not None and chain.began.source_id is not None:
        body["source"] = _name(catalogs.get(SourceChanged, chain.began.source_id))
    body["campaigns"] = [
        _campaign(one, catalogs)
        for one in dict.fromkeys(codes.resolve(*_said(t.campaign)) for t in chain.touches)
        if one
    ]
    body["revenue"] = _revenue(chain)
    body["cycle_time"] = _cycle_time(chain)
    return body


def _said(campaign: Any) -> tuple[tuple[str, ...], str | None]:
    return campaign.said, campaign.campaign_id


def _campaign(campaign_id: str | None, catalogs: Catalogs) -> dict[str, Any] | None:
    if campaign_id is None:
        return None
    known = catalogs.get(CampaignChanged, campaign_id)
    return {"id": campaign_id, "name": _name(known), "tactic": known.tactic if known else None}


def _name(entry: CampaignChanged | PartnerChanged | SourceChanged | None) -> str | None:
    return None if entry is None else entry.name


def _revenue(chain: Chain) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for deal in chain.deals.values():
        for booking in deal.bookings:
            sums[booking.amount.currency] = sums.get(booking.amount.currency, 0) + booking.amount.minor
    return [{"currency": currency, "minor": minor} for currency, minor in sorted(sums.items())]


def _cycle_time(chain: Chain) -> str | None:
    """From the capture to the first deal that is won, as an ISO 8601 duration; None while there is none."""
    won = [deal.won_at for deal in chain.deals.values() if deal.won_at is not None]
    if chain.began is None or not won:
        return None
    return f"PT{max(int((min(won) - chain.began.at).total_seconds()), 0)}S"

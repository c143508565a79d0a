"""The tables that the runtime keeps equal to each lead's chain. Codes are kept as said: campaigns are joined later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from leadway.attribution.projection import Chain, evolve
from leadway.stage import Mirror, View

MIRROR: Final = Mirror(initial=Chain(), reflect=evolve, type=Chain)
SAYINGS_SEPARATOR: Final = "\x1f"


def _leads(_: str, chain: Chain) -> Iterable[tuple[Any, ...]]:
    if chain.began is not None:
        yield (chain.began.at, chain.began.origin, chain.company.country)


def _touches(_: str, chain: Chain) -> Iterable[tuple[Any, ...]]:
    for touch in chain.touches:
        campaign = touch.campaign
        if campaign.said or campaign.campaign_id:
            said = SAYINGS_SEPARATOR.join(saying.replace(SAYINGS_SEPARATOR, " ") for saying in campaign.said)
            yield (touch.fact_id, touch.occurred_at, touch.source_id, said, campaign.campaign_id)


def _holds(_: str, chain: Chain) -> Iterable[tuple[Any, ...]]:
    for partner_id in sorted({hold.partner_id for hold in chain.assignments}):
        yield (partner_id,)


def _opportunities(_: str, chain: Chain) -> Iterable[tuple[Any, ...]]:
    partners = {hold.assignment_id: hold.partner_id for hold in chain.assignments}
    for opportunity_id, opportunity in chain.opportunities.items():
        yield (opportunity_id, opportunity.opened.at, partners.get(opportunity.assignment_id or ""))


def _bookings(_: str, chain: Chain) -> Iterable[tuple[Any, ...]]:
    for deal_id, deal in chain.deals.items():
        opportunity = chain.opportunities.get(deal.opportunity_id or "")
        opened = deal.registered_at if opportunity is None else opportunity.opened.at
        for number, booking in enumerate(deal.bookings):
            yield (
                deal_id,
                number,
                booking.fact_id,
                booking.at,
                booking.amount.minor,
                booking.amount.currency,
                deal.partner_id,
                opened,
                deal.won_at,
            )


VIEWS: Final = (
    View(
        table="leads",
        columns={"captured_at": "timestamptz", "origin": "text", "country": "text"},
        rows=_leads,
        of="mirror",
        indexes=("captured_at",),
    ),
    View(
        table="touches",
        columns={
            "fact_id": "text",
            "occurred_at": "timestamptz",
            "source_id": "text",
            "said": "text",
            "campaign_id": "text",
        },
        rows=_touches,
        of="mirror",
    ),
    View(table="holds", columns={"partner_id": "text"}, rows=_holds, of="mirror", indexes=("partner_id",)),
    View(
        table="opportunities",
        columns={"opportunity_id": "text", "opened_at": "timestamptz", "partner_id": "text"},
        rows=_opportunities,
        of="mirror",
        indexes=("opened_at",),
    ),
    View(
        table="bookings",
        columns={
            "deal_id": "text",
            "number": "integer",
            "fact_id": "text",
            "booked_at": "timestamptz",
            "minor": "bigint",
            "currency": "text",
            "partner_id": "text",
            "opened_at": "timestamptz",
            "won_at": "timestamptz",
        },
        rows=_bookings,
        of="mirror",
        indexes=("booked_at", "deal_id"),
    ),
)

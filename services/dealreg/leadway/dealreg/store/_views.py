"""Tables that the stage keeps equal to what each lead is: deals for lists, leads for who works with which company."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from leadway.dealreg.decider.state import Closed, Deal, State
from leadway.dealreg.policy.companies import match_of
from leadway.dealreg.store._mirror import Held, LeadSeen
from leadway.facts.dealreg import CompanyMatch
from leadway.stage import View
from leadway.words import term_key

_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")
_decoder: Final = msgspec.msgpack.Decoder(Deal)


def deal_from(document: bytes) -> Deal:
    """The deal of a row's `document`."""
    return _decoder.decode(document)


def name_of(part: object) -> str:
    """A registration or an outcome as the API names it."""
    return str(getattr(type(part), "__struct_config__").tag)  # noqa: B009 msgspec sets it at run time


def _deals(_: str, state: State) -> Iterable[tuple[Any, ...]]:
    for deal in state.work.deals:
        match = deal.match or CompanyMatch()
        yield (
            deal.deal_id,
            deal.partner_id,
            name_of(deal.registration),
            name_of(deal.outcome),
            not isinstance(state, Closed),
            match.domain,
            match.name,
            match.country,
            term_key(deal.product),
            _encoder.encode(deal),
        )


def _known_leads(_: str, seen: LeadSeen) -> Iterable[tuple[Any, ...]]:
    held = seen.holder if isinstance(seen.holder, Held) else None
    match = match_of(seen.company)
    if match is None:
        return ()
    partner_id = held.partner_id if held else None
    return ((partner_id, seen.company_id, match.domain, match.name, match.country, term_key(seen.product)),)


VIEWS: Final = (
    View(
        table="deals",
        columns={
            "deal_id": "text",
            "partner_id": "text",
            "registration": "text",
            "outcome": "text",
            "lead_open": "boolean",
            "domain": "text",
            "name": "text",
            "country": "text",
            "product": "text",
            "document": "bytea",
        },
        rows=_deals,
        indexes=("deal_id", "partner_id, deal_id"),
    ),
    View(
        table="known_leads",
        columns={
            "partner_id": "text",
            "company_id": "text",
            "domain": "text",
            "name": "text",
            "country": "text",
            "product": "text",
        },
        rows=_known_leads,
        of="mirror",
        indexes=("domain", "name", "partner_id"),
    ),
)

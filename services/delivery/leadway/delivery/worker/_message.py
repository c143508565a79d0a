"""The body of a message, written at each attempt: what its receiver may see at that moment. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from leadway.delivery.decider import Pending
from leadway.delivery.translate import Lead
from leadway.facts.delivery import EndpointChanged
from leadway.facts.personal import SubmissionDetails, unseal

_encoder = msgspec.json.Encoder(order="deterministic")
_POOLED = "lead.pooled"


def render(message: Pending, lead_id: str, lead: Lead, endpoint: EndpointChanged) -> bytes:
    """The JSON body for an endpoint. A partner sees the person only while it holds the lead and may know it."""
    occurred = message.occurred
    partner_id = endpoint.partner_id
    holds = lead.hold is not None and lead.hold.partner_id == partner_id
    may_claim = occurred.fact_type == _POOLED and lead.state == "pooled" and partner_id in lead.eligible
    of_this_hold = occurred.assignment_id is None or (
        lead.hold is not None and lead.hold.assignment_id == occurred.assignment_id
    )
    current = of_this_hold and (partner_id is None or holds or may_claim)
    data: dict[str, Any] = {
        "fact_id": occurred.fact_id,
        "schema": message.endpoint.schema,
        "current": current,
        "lead": _lead(lead_id, lead, partner_id, holds=holds, may_claim=may_claim),
        "change": occurred.change,
    }
    if occurred.assignment_id is not None:
        data["assignment"] = _assignment(occurred.assignment_id, lead, current=current)
    deal = None if occurred.deal_id is None else lead.deals.get(occurred.deal_id)
    if deal is not None and (partner_id is None or deal.partner_id == partner_id):
        data["deal"] = {"id": occurred.deal_id, **msgspec.to_builtins(deal)}
    if message.replay:
        data["replay"] = True
    return _encoder.encode({"type": occurred.fact_type, "timestamp": occurred.fact_time, "data": data})


def test_message(endpoint: EndpointChanged, at: datetime) -> bytes:
    """The body of a message that says nothing but that messages arrive."""
    data = {"endpoint_id": endpoint.entity_id, "schema": endpoint.schema}
    return _encoder.encode({"type": "endpoint.test", "timestamp": at, "data": data})


def _lead(lead_id: str, lead: Lead, partner_id: str | None, *, holds: bool, may_claim: bool) -> dict[str, Any]:
    insider = partner_id is None or holds
    known: dict[str, Any] = {
        "id": lead_id,
        # Who lost a lead learns nothing of what became of it, least of all who has it now.
        "state": lead.state if insider or may_claim else "ended",
        "person": None,
        "company": {"id": lead.company_id, **msgspec.to_builtins(lead.company)},
        "product": lead.product,
        "campaign": lead.campaign,
        "score": None,
        "touches": None,
    }
    if insider or may_claim:
        known |= {"score": lead.score, "touches": lead.touches}
    if partner_id is None or (holds and _revealed(lead)):
        details = unseal(lead.person, SubmissionDetails)
        known["person"] = None if details is None else details.person
    return known


def _revealed(lead: Lead) -> bool:
    return lead.hold is not None and (lead.hold.accepted or lead.hold.reveal != "accepted")


def _assignment(assignment_id: str, lead: Lead, *, current: bool) -> dict[str, Any]:
    if not current or lead.hold is None:
        return {"id": assignment_id, "current": False}
    return {
        "id": assignment_id,
        "current": True,
        "partner_id": lead.hold.partner_id,
        "accepted": lead.hold.accepted,
    }

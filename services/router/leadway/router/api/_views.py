"""Leads, decisions and partners as the API shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from leadway.facts.router import PartnerChanged
from leadway.router.decider import (
    Accepted,
    Assigned,
    Closed,
    Hold,
    Move,
    Pooled,
    Retained,
    Settled,
    State,
    UnknownLead,
    Unroutable,
    Unrouted,
    hold_of,
    visible,
)
from leadway.router.policy.interest import Interest
from leadway.router.store import name_of
from leadway.web import Caller

Json = dict[str, Any]


def present(fields: Mapping[str, Any]) -> Json:
    """Without what is not there."""
    return {name: value for name, value in fields.items() if value is not None}


def partner_view(partner: PartnerChanged) -> Json:
    """A partner's document."""
    size = partner.company_size
    return present(
        {
            "id": partner.entity_id,
            "name": partner.name,
            "status": partner.status,
            "type": partner.type,
            "tier": partner.tier,
            "territories": partner.territories,
            "industries": partner.industries,
            "products": partner.products,
            "certifications": partner.certifications,
            "company_size": present({"min": size.min, "max": size.max}) if size else None,
            "capacity": None if partner.open_leads_max is None else {"open_leads": partner.open_leads_max},
            "weight": partner.weight,
            "parent_id": partner.parent_id,
            "cam": partner.cam,
            "version": partner.version,
        }
    )


def lead_view(lead_id: str, state: State, interest: Interest, caller: Caller, managed: Collection[str]) -> Json:
    """A lead as this caller may see it. Raises UnknownLead where it may not know of it."""
    if caller.role == "partner" and caller.partner_id is not None:
        return _for_partner(lead_id, state, interest, caller.partner_id)
    if isinstance(state, Unrouted) and not interest.known:
        raise UnknownLead
    if caller.role == "cam" and caller.scope == "assigned" and not visible(state, managed):
        raise UnknownLead
    return {**_now(lead_id, state, interest), "history": [_move(move) for move in state.past.moves]}


def _for_partner(lead_id: str, state: State, interest: Interest, partner_id: str) -> Json:
    hold = hold_of(state)
    own = [_move(move) for move in state.past.moves if move.partner_id == partner_id]
    if hold is not None and hold.partner_id == partner_id:
        return {**_now(lead_id, state, interest), "history": own}
    ended = state.past.ended.get(partner_id)
    if ended is not None:
        fields = {"how": ended.how, "reason": ended.reason, "ended_at": ended.at, "assignment_id": ended.assignment_id}
        return {"lead_id": lead_id, "state": "ended", **fields, "history": own}
    if isinstance(state, Pooled) and partner_id in state.eligible and not interest.closed:
        pooled = {"state": "pooled", "since": state.since, "closes_at": state.closes_at}
        return present({"lead_id": lead_id, **pooled, "history": own})
    raise UnknownLead


def _now(lead_id: str, state: State, interest: Interest) -> Json:
    fields: Json = {"lead_id": lead_id, "state": "closed" if interest.closed else name_of(state), "since": state.since}
    match state:
        case Assigned() | Accepted():
            fields |= _held(state.hold)
        case Pooled():
            fields |= {"rule": state.rule, "rules_version": state.rules_version, "step": state.step_index}
            fields |= {"eligible": state.eligible, "closes_at": state.closes_at}
        case Retained():
            fields |= {"owner": {"kind": "direct", "queue": state.queue}, "reason": state.reason}
            fields |= {"rule": state.rule, "rules_version": state.rules_version}
        case Unroutable():
            fields |= {"reason": state.reason, "rules_version": state.rules_version}
        case Closed() | Unrouted():
            pass
    return present({**fields, "outcome": interest.closed})


def _held(hold: Hold) -> Json:
    return {
        "owner": {"kind": "partner", "partner_id": hold.partner_id},
        "assignment_id": hold.assignment_id,
        "method": hold.method,
        "accepted_at": hold.accepted_at,
        "rule": hold.rule,
        "rules_version": hold.rules_version,
        "step": hold.step_index,
        "reveal": hold.reveal,
    }


def _move(move: Move) -> Json:
    return present({name: getattr(move, name) for name in ("what", "at", "partner_id", "assignment_id", "detail")})


def decisions_view(lead_id: str, state: State) -> Json:
    """How each routing of the lead was decided, the latest last."""
    return {"lead_id": lead_id, "decisions": [_settled(settled) for settled in state.past.decisions]}


def _settled(settled: Settled) -> Json:
    decision = settled.decision
    body: Json = {"at": settled.outcome.at, **msgspec.to_builtins(decision), "outcome": _move(settled.outcome)}
    if settled.turn is not None:
        body["turn"] = msgspec.to_builtins(settled.turn)
    if settled.outcome.what == "lead.pooled" and decision.steps:
        # The fact names those who may claim once, beside its decision; the decision has the version of each of them.
        body["steps"][-1]["eligible"] = sorted(decision.partner_versions)
    return body


def pool_view(lead_id: str, state: Pooled, interest: Interest) -> Json:
    """A lead that may be claimed: what it is worth and where it is, and nothing that says who it is."""
    place = interest.place
    return present(
        {
            "lead_id": lead_id,
            "since": state.since,
            "closes_at": state.closes_at,
            "product": interest.product,
            "score": interest.score,
            "company": present(
                {
                    "country": place.country,
                    "region": place.region,
                    "industry": place.industry,
                    "employees": place.employees,
                }
            ),
        }
    )

"""What dealreg's routes answer with: leads, deals, opportunities, as their reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from leadway.dealreg.decider.commands import By, Holder
from leadway.dealreg.decider.state import (
    Activity,
    Approved,
    Closed,
    Conflicted,
    Deal,
    Lost,
    Opportunity,
    Rejected,
    Returned,
    State,
    Won,
    Work,
)
from leadway.dealreg.store import Held, LeadSeen, Queued, name_of, origin_of
from leadway.facts.personal import Note, Sealed, SubmissionDetails, unseal
from leadway.ids import timestamp_of

Document = dict[str, Any]


def deal_document(lead_id: str, deal: Deal, by: By) -> Document:
    """A deal. What it collides with is for channel managers and admins alone."""
    document: Document = {
        "deal_id": deal.deal_id,
        "lead_id": lead_id,
        "partner_id": deal.partner_id,
        "assignment_id": deal.assignment_id,
        "opportunity_id": deal.opportunity_id,
        "registration": name_of(deal.registration),
        "outcome": name_of(deal.outcome),
        "registered_at": _instant_of(deal.deal_id),
        "name": _note(deal.personal).name,
        "amount": msgspec.to_builtins(deal.amount),
        "company_id": deal.company_id,
        "company": msgspec.to_builtins(deal.company),
        "person_id": deal.person_id,
        "product": msgspec.to_builtins(deal.product),
        "campaign_id": deal.campaign_id,
        "origin": deal.origin,
        "linked": deal.linked,
        "lines": msgspec.to_builtins(deal.lines),
    }
    return _without_absent(document | _registration(deal) | _outcome(deal) | _conflict(deal, by))


def _registration(deal: Deal) -> Document:
    match deal.registration:
        case Approved(protected_until=until):
            return {"protected_until": until, "protected": bool(deal.turns)}
        case Returned(personal=personal) | Rejected(personal=personal):
            return {"reason": _note(personal).text}
        case _:
            return {}


def _outcome(deal: Deal) -> Document:
    match deal.outcome:
        case Won(booked=booked, closed_at=closed_at):
            return {"booked": msgspec.to_builtins(booked), "closed_at": closed_at}
        case Lost(personal=personal):
            return {"lost_because": _note(personal).text}
        case _:
            return {}


def _conflict(deal: Deal, by: By) -> Document:
    if by.role == "partner" or not isinstance(deal.registration, Conflicted):
        return {}
    met = deal.registration
    return {
        "conflict": _without_absent(
            {"deal_id": met.with_deal_id, "lead_id": met.with_lead_id, "partner_id": met.with_partner_id}
        )
    }


def opportunity_document(opportunity: Opportunity) -> Document:
    """An opportunity."""
    return _without_absent(
        {
            "opportunity_id": opportunity.opportunity_id,
            "name": _note(opportunity.personal).name,
            "amount": msgspec.to_builtins(opportunity.amount),
            "expected_close": opportunity.expected_close,
            "product": msgspec.to_builtins(opportunity.product),
            "assignment_id": opportunity.assignment_id,
        }
    )


def activity_document(activity: Activity) -> Document:
    """An activity."""
    return _without_absent(
        {
            "activity_id": activity.activity_id,
            "kind": activity.kind,
            "outcome": activity.outcome,
            "occurred_at": activity.occurred_at,
            "logged_at": activity.logged_at,
            "attempt": activity.attempt,
            "assignment_id": activity.assignment_id,
            "note": _note(activity.personal).text,
        }
    )


def lead_document(lead_id: str, state: State, seen: LeadSeen, by: By, seat: object) -> Document:
    """The working lead. A partner sees its own work and deals, and the person from when the rule reveals it."""
    work = state.work
    brought = next((deal for deal in work.deals if deal.originated), None)
    company = brought.company if brought and not seen.captured else seen.company
    document: Document = {
        "lead_id": lead_id,
        "state": "closed" if isinstance(state, Closed) else "open",
        "outcome": state.outcome if isinstance(state, Closed) else None,
        "owner": _owner(seen, work.brought_by),
        "assignment_id": seen.holder.assignment_id if isinstance(seen.holder, Held) else None,
        "company_id": seen.company_id,
        "company": msgspec.to_builtins(company),
        "person_id": seen.person_id,
        "product": msgspec.to_builtins(seen.product or (brought.product if brought else None)),
        "campaign_id": seen.campaign_id,
        "origin": origin_of(seen, work),
        "score": seen.score,
        "stage": work.stage,
        "touches": msgspec.to_builtins(seen.touches, str_keys=True),
        **_worked(lead_id, work, seen, by, seat),
    }
    # `person` is there even where it is null: the holder is to see that there is one, and not yet who.
    return _without_absent(document) | {"person": _person(seen, by)}


def _worked(lead_id: str, work: Work, seen: LeadSeen, by: By, seat: object) -> Document:
    """What was done for a lead, and its deadlines: all of it, or what a partner did while it held the lead."""
    assignment_id = seat.assignment_id if isinstance(seat, Holder) else None
    partner = by.role == "partner"
    own = [deal for deal in work.deals if not partner or deal.partner_id == by.partner_id]
    return {
        "clocks": [
            msgspec.to_builtins(clock, builtin_types=(datetime,))
            for clock in seen.clocks
            if not partner or clock.held_by == assignment_id
        ],
        "activities": [
            activity_document(activity)
            for activity in work.activities
            if not partner or activity.assignment_id == assignment_id
        ],
        "opportunities": [
            opportunity_document(each)
            for each in work.opportunities
            if not partner or each.assignment_id == assignment_id
        ],
        "deals": [deal_document(lead_id, deal, by) for deal in own],
    }


def _person(seen: LeadSeen, by: By) -> Mapping[str, Any] | None:
    revealed = not isinstance(seen.holder, Held) or seen.holder.revealed
    details = unseal(seen.personal, SubmissionDetails) if by.role != "partner" or revealed else None
    person = details.person if details else None
    return msgspec.to_builtins(person) if person else None


def _owner(seen: LeadSeen, brought_by: str | None) -> Document | None:
    match seen.holder:
        case Held(partner_id=partner_id):
            return {"kind": "partner", "partner_id": partner_id}
        case Queued(queue=queue):
            return {"kind": "direct", "queue": queue}
        case _ if brought_by and not seen.routed:
            return {"kind": "partner", "partner_id": brought_by}
        case _:
            return None


def _note(personal: Sealed | None) -> Note:
    return unseal(personal, Note) or Note()


def _instant_of(identifier: str) -> datetime | None:
    try:
        return timestamp_of(identifier)
    except ValueError:
        return None


def _without_absent(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None}

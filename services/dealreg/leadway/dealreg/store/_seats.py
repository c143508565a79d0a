"""Who the caller is to a lead: by the router's facts, and, until the router adopts it, by who brought it; and whence
the lead came.
"""

from __future__ import annotations

from collections.abc import Callable

from leadway.dealreg.decider.commands import By, FormerHolder, Holder, OnDeal, Overseer, Seat, Stranger, Vendor
from leadway.dealreg.decider.state import State, Untouched, Work, deal_of
from leadway.dealreg.store._mirror import Held, LeadSeen, Nobody, Queued
from leadway.facts.terms import Origin

CamOf = Callable[[str | None], str | None]


def seat_of(by: By, seen: LeadSeen, state: State, cam_of: CamOf) -> Seat:
    """The caller's seat at a lead. `cam_of`: partner id → the subject of its channel account manager."""
    return _partners_seat(by, seen, state) if by.role == "partner" else _managers_seat(by, seen, state, cam_of)


def seat_at_deal(command: OnDeal, seen: LeadSeen, state: State, cam_of: CamOf) -> Seat:
    """As `seat_of`; a manager's reach goes by the deal's own partner, who may no longer hold the lead."""
    by = command.by
    deal = deal_of(state, command.deal_id)
    if by.role == "partner" or deal is None:
        return seat_of(by, seen, state, cam_of)
    if not oversees(by, deal.partner_id, cam_of):
        return Stranger()
    return Overseer(seen.holder.assignment_id if isinstance(seen.holder, Held) else None)


def oversees(by: By, partner_id: str | None, cam_of: CamOf) -> bool:
    """Whether what concerns a partner (None: nobody) is this manager's to see."""
    return not by.assigned or partner_id is None or cam_of(partner_id) == by.subject


def origin_of(seen: LeadSeen, work: Work) -> Origin:
    """Where a lead came from: as ingest captured it, else from the partner that brought it."""
    return "partner" if work.brought_by and not seen.captured else seen.origin


def _partners_seat(by: By, seen: LeadSeen, state: State) -> Seat:
    partner_id = by.partner_id or ""
    holder = seen.holder
    if isinstance(holder, Held) and holder.partner_id == partner_id:
        return Holder(partner_id, holder.assignment_id)
    ended = [each for each in seen.ended if each.partner_id == partner_id]
    if ended:
        return FormerHolder(ended[-1].how)
    if state.work.brought_by == partner_id and not seen.routed:
        return Holder(partner_id, None)
    return Stranger()


def _managers_seat(by: By, seen: LeadSeen, state: State, cam_of: CamOf) -> Seat:
    match seen.holder:
        case Held(assignment_id=assignment_id, partner_id=partner_id):
            return Overseer(assignment_id) if oversees(by, partner_id, cam_of) else Stranger()
        case Queued():
            return Vendor()
        case Nobody():
            known = seen.captured or seen.routed or not isinstance(state, Untouched)
            brought_by = None if seen.routed else state.work.brought_by
            return Overseer(None) if known and oversees(by, brought_by, cam_of) else Stranger()

"""Whether the caller of a command may work on the lead, and the words in which it is told that it may not."""

from __future__ import annotations

from dataclasses import dataclass

from leadway.dealreg.decider.commands import Asked, FormerHolder, Holder, OnDeal, Overseer, Stranger, Vendor
from leadway.dealreg.decider.refusals import HoldEnded, LeadIsClosed, NotTheOwner, UnknownDeal, UnknownLead
from leadway.dealreg.decider.state import Closed, Deal, State, deal_of, is_pending


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the work: a partner under an assignment, or the vendor."""

    partner_id: str | None
    assignment_id: str | None


def owner(command: Asked) -> Owner:
    """The owner of the lead, which the caller has to be. Raises UnknownLead, HoldEnded or NotTheOwner."""
    match command.seat:
        case Holder(partner_id, assignment_id):
            _presently(command, assignment_id)
            return Owner(partner_id, assignment_id)
        case Vendor():
            _presently(command, None)
            return Owner(None, None)
        case Overseer(assignment_id):
            _presently(command, assignment_id)
            raise NotTheOwner("A partner works on this lead, or nobody does yet.")
        case FormerHolder(how):
            raise HoldEnded(f"The hold ended: {how}.", how=how)
        case Stranger():
            raise UnknownLead


def owner_or_overseer(command: Asked) -> str | None:
    """The present assignment, of the caller or of the partner that it oversees. Raises as `owner`."""
    if isinstance(command.seat, Overseer):
        _presently(command, command.seat.assignment_id)
        return command.seat.assignment_id
    return owner(command).assignment_id


def working(command: Asked, state: State) -> Owner:
    """As `owner`, on a lead that is not closed. Raises LeadIsClosed too."""
    found = owner(command)
    if isinstance(state, Closed):
        raise LeadIsClosed(f"It was closed as {state.outcome}.")
    return found


def deal_in_reach(command: OnDeal, state: State) -> Deal:
    """The deal, for its own partner while that holds the lead, for its channel manager and for admins.

    Raises UnknownDeal where the caller may not know of it, HoldEnded where the deal is open and its partner no longer
    holds the lead.
    """
    deal = deal_of(state, command.deal_id)
    if deal is None or isinstance(command.seat, Stranger):
        raise UnknownDeal
    if command.by.role != "partner":
        return deal
    if deal.partner_id != command.by.partner_id:
        raise UnknownDeal
    # An ended deal took its lead along: its partner is told how the deal ended, not that the hold did.
    if is_pending(deal):
        owner(command)
    return deal


def _presently(command: Asked, assignment_id: str | None) -> None:
    if command.assignment_id is not None and command.assignment_id != assignment_id:
        raise HoldEnded("The request names another assignment than the present one.", assignment_id=assignment_id)

"""Decisions about how deals end, what is booked, and how the last one takes its lead with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from leadway.dealreg.decider.commands import AmendDeal, Asked, Holder, LoseDeal, Overseer, ReopenDeal, WinDeal
from leadway.dealreg.decider.deals import claim_of, open_deal, same_currency
from leadway.dealreg.decider.refusals import NotWon
from leadway.dealreg.decider.seats import deal_in_reach
from leadway.dealreg.decider.state import (
    Approved,
    Closed,
    Deal,
    Lost,
    Returned,
    State,
    Submitted,
    Won,
    is_pending,
)
from leadway.dealreg.policy.conflict import freed
from leadway.decider import Fault, InvalidRequest
from leadway.facts import Fact
from leadway.facts.dealreg import DealAmended, DealLost, DealReopened, DealWon, LeadClosed, LeadReopened
from leadway.money import amount_faults

# The day may have begun where the deal was closed.
ZONES_DIFFERENCE_MAX: Final = timedelta(days=1)


def win_deal(command: WinDeal, state: State) -> tuple[Fact, ...]:
    """Book the deal. A second win is refused: the caller must know that nothing more was booked."""
    deal = open_deal(deal_in_reach(command, state))
    faults = [*amount_faults(command.amount, "#/amount", sign="positive")]
    closed_at = command.closed_at or command.now
    if closed_at > command.now + ZONES_DIFFERENCE_MAX:
        faults.append(Fault("#/closed_at", "revenue is not booked in the future"))
    if faults:
        raise InvalidRequest("", faults)
    same_currency(deal, command.amount)
    won = DealWon(
        lead_id=command.lead_id,
        deal_id=deal.deal_id,
        partner_id=deal.partner_id,
        amount=command.amount,
        closed_at=closed_at,
        keys=freed(deal.turns),
    )
    return (won, *_last_of(command, state, deal, won=True))


def lose_deal(command: LoseDeal, state: State) -> tuple[Fact, ...]:
    """Give the deal up; a deal that was lost stays lost."""
    deal = deal_in_reach(command, state)
    if isinstance(deal.outcome, Lost):
        return ()
    open_deal(deal)
    lost = DealLost(lead_id=command.lead_id, deal_id=deal.deal_id, keys=freed(deal.turns), personal=command.personal)
    return (lost, *_last_of(command, state, deal, won=False))


def _last_of(command: Asked, state: State, ending: Deal, *, won: bool) -> tuple[Fact, ...]:
    others = [deal for deal in state.work.deals if deal.deal_id != ending.deal_id]
    if isinstance(state, Closed) or any(is_pending(deal) for deal in others):
        return ()
    any_won = won or any(isinstance(deal.outcome, Won) for deal in others)
    return (
        LeadClosed(
            lead_id=command.lead_id,
            assignment_id=_assignment(command),
            outcome="won" if any_won else "lost",
        ),
    )


def _assignment(command: Asked) -> str | None:
    match command.seat:
        case Holder(_, assignment_id) | Overseer(assignment_id):
            return assignment_id
        case _:
            return None


def amend_deal(command: AmendDeal, state: State) -> tuple[Fact, ...]:
    """Set a won deal's total; the difference is booked at `effective_at`, which is not in the future.

    The same total again: nothing.
    """
    deal = deal_in_reach(command, state)
    if not isinstance(deal.outcome, Won):
        raise NotWon
    faults = [*amount_faults(command.amount, "#/amount")]
    if command.effective_at > command.now + ZONES_DIFFERENCE_MAX:
        faults.append(Fault("#/effective_at", "revenue is not booked in the future"))
    if faults:
        raise InvalidRequest("", faults)
    same_currency(deal, command.amount)
    if command.amount == deal.outcome.booked:
        return ()
    return (
        DealAmended(
            lead_id=command.lead_id,
            deal_id=deal.deal_id,
            amount=command.amount,
            previous=deal.outcome.booked,
            effective_at=command.effective_at,
            personal=command.personal,
        ),
    )


def reopen_deal(command: ReopenDeal, state: State) -> tuple[Fact, ...]:
    """Open an ended deal again and book back what was booked; a lead that closed is open again with it.

    A registration that stood claims its company again, unless another partner's does by now.
    """
    deal = deal_in_reach(command, state)
    if is_pending(deal):
        return ()
    claims = isinstance(deal.registration, Submitted | Returned | Approved) and command.rival is None
    until = deal.registration.protected_until if isinstance(deal.registration, Approved) else None
    claim = claim_of(deal, until) if claims else None
    reopened = DealReopened(
        lead_id=command.lead_id,
        deal_id=deal.deal_id,
        booked=deal.outcome.booked if isinstance(deal.outcome, Won) else None,
        claim=claim,
        keys=command.turns if claim else (),
        personal=command.personal,
    )
    if not isinstance(state, Closed):
        return (reopened,)
    return (reopened, LeadReopened(lead_id=command.lead_id, partner_id=deal.partner_id))

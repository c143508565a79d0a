"""Decisions about deals: how one is registered, and what becomes of its registration."""

from __future__ import annotations

from datetime import datetime

import msgspec

from leadway.dealreg.decider.commands import ApproveDeal, RegisterDeal, RejectDeal, ReturnDeal
from leadway.dealreg.decider.refusals import (
    AlreadyLost,
    AlreadyRegistered,
    AlreadyWon,
    AmountNeeded,
    CompanyProtected,
    NobodyToProtect,
    OtherCurrency,
    TooMany,
)
from leadway.dealreg.decider.refusals import Approved as IsApproved
from leadway.dealreg.decider.seats import deal_in_reach, working
from leadway.dealreg.decider.state import (
    DEALS_MAX,
    Approved,
    Deal,
    Lost,
    Opportunity,
    Pending,
    Rejected,
    Returned,
    State,
    Won,
    Work,
    deal_of,
    has_deal,
)
from leadway.dealreg.policy.conflict import freed, keys_of
from leadway.decider import Fault, InvalidRequest
from leadway.facts import Fact
from leadway.facts.dealreg import (
    Claim,
    CompanyMatch,
    DealApproved,
    DealConflicted,
    DealRegistered,
    DealRejected,
    DealReturned,
)
from leadway.facts.terms import Money, Term
from leadway.money import amount_faults
from leadway.words import term_key


def opportunity_of(work: Work, command: RegisterDeal) -> Opportunity | None:
    """The opportunity that the deal comes of: the named one, else, where the request has no amount of its own, the only
    one without a deal. None: it is not clear which.
    """
    if command.opportunity_id is not None:
        return next((each for each in work.opportunities if each.opportunity_id == command.opportunity_id), None)
    if command.amount is not None:
        return None
    free = [each for each in work.opportunities if has_deal(work, each.opportunity_id) is None]
    return free[0] if len(free) == 1 else None


def register_deal(command: RegisterDeal, state: State) -> tuple[Fact, ...]:
    """Register a deal; one that collides with another partner's is registered too, and a person decides."""
    owner = working(command, state)
    if deal_of(state, command.deal_id) is not None:
        return ()
    if len(state.work.deals) >= DEALS_MAX:
        raise TooMany(f"A lead has at most {DEALS_MAX} deals.")
    opportunity = _opportunity(command, state.work)
    amount = command.amount or (opportunity.amount if opportunity else None)
    if amount is None:
        raise _amount_needed(state.work)
    _check_amounts(command, amount)
    product = command.product or (opportunity.product if opportunity else None)
    registered = DealRegistered(
        lead_id=command.lead_id,
        deal_id=command.deal_id,
        partner_id=owner.partner_id,
        assignment_id=owner.assignment_id,
        opportunity_id=opportunity.opportunity_id if opportunity else None,
        origin=command.origin,
        originated=command.originated,
        linked=command.linked,
        person_id=command.person_id,
        company_id=command.company_id,
        company=command.company,
        product=product,
        campaign_id=command.campaign_id,
        amount=amount,
        lines=command.lines,
        match_key=match_key(command.match, product),
        match=command.match,
        claim=None if command.collision else command.claim,
        keys=() if command.collision or command.claim is None else command.turns,
        personal=command.personal or (opportunity.personal if opportunity else None),
    )
    return (registered, *_conflicted(command, registered))


def match_key(match: CompanyMatch | None, product: Term | None) -> str | None:
    """The strongest thing that the registration is compared by, as a person would read it."""
    keys = keys_of(match)
    return f"{keys[0]}:{term_key(product) or '*'}" if keys else None


def _opportunity(command: RegisterDeal, work: Work) -> Opportunity | None:
    opportunity = opportunity_of(work, command)
    if opportunity is None and command.opportunity_id is not None:
        raise InvalidRequest("", [Fault("#/opportunity_id", "the lead has no such opportunity")])
    existing = has_deal(work, opportunity.opportunity_id) if opportunity else None
    if existing is not None:
        raise AlreadyRegistered("Each opportunity has one deal at a time.", deal_id=existing.deal_id)
    return opportunity


def _amount_needed(work: Work) -> AmountNeeded:
    free = [each.opportunity_id for each in work.opportunities if has_deal(work, each.opportunity_id) is None]
    detail = (
        "several opportunities have no deal yet: name one" if free else "the lead has no opportunity to take it from"
    )
    return AmountNeeded("", [Fault("#/opportunity_id", detail)], opportunities=free)


def _check_amounts(command: RegisterDeal, amount: Money) -> None:
    faults = [*amount_faults(amount, "#/amount", sign="positive")]
    for index, line in enumerate(command.lines):
        pointer = f"#/lines/{index}/amount"
        faults += amount_faults(line.amount, pointer)
        if line.amount.currency != amount.currency:
            faults.append(Fault(f"{pointer}/currency", "a deal has one currency, the same in each line"))
    if faults:
        raise InvalidRequest("", faults)


def _conflicted(command: RegisterDeal, registered: DealRegistered) -> tuple[Fact, ...]:
    if command.collision is None:
        return ()
    return (
        DealConflicted(
            lead_id=registered.lead_id,
            deal_id=registered.deal_id,
            with_deal_id=command.collision.deal_id,
            with_lead_id=command.collision.lead_id,
            with_partner_id=command.collision.partner_id,
            match_key=registered.match_key,
        ),
    )


def approve_deal(command: ApproveDeal, state: State) -> tuple[Fact, ...]:
    """Let the registration stand; its partner is protected from now on, for one partner at a time."""
    deal = open_deal(deal_in_reach(command, state))
    if isinstance(deal.registration, Approved):
        return ()
    if deal.partner_id is None:
        raise NobodyToProtect
    if command.rival is not None and command.rival.protected:
        raise CompanyProtected("", deal_id=command.rival.deal_id, partner_id=command.rival.partner_id)
    until = command.now + (command.protect_for or command.protection)
    return (
        DealApproved(
            lead_id=command.lead_id,
            deal_id=deal.deal_id,
            partner_id=deal.partner_id,
            protected_until=until,
            protection_version=command.protection_version,
            claim=claim_of(deal, until),
            keys=deal.turns or command.turns,
        ),
    )


def claim_of(deal: Deal, protected_until: datetime | None) -> Claim | None:
    """What the deal claims; None for a deal of the vendor's own, or of a company that nothing names."""
    if deal.partner_id is None or deal.match is None:
        return None
    return Claim(
        partner_id=deal.partner_id,
        match=deal.match,
        product=term_key(deal.product),
        protected_until=protected_until,
    )


def return_deal(command: ReturnDeal, state: State) -> tuple[Fact, ...]:
    """Send the registration back; an approved one is rejected instead, which ends its protection openly."""
    deal = open_deal(deal_in_reach(command, state))
    if isinstance(deal.registration, Returned):
        return ()
    if isinstance(deal.registration, Approved):
        raise IsApproved("Reject it instead.")
    return (DealReturned(lead_id=command.lead_id, deal_id=deal.deal_id, personal=command.personal),)


def reject_deal(command: RejectDeal, state: State) -> tuple[Fact, ...]:
    """Refuse the registration; what it had claimed is free."""
    deal = open_deal(deal_in_reach(command, state))
    if isinstance(deal.registration, Rejected):
        return ()
    return (
        DealRejected(lead_id=command.lead_id, deal_id=deal.deal_id, keys=freed(deal.turns), personal=command.personal),
    )


def open_deal(deal: Deal) -> Deal:
    """The deal, neither won nor lost. Raises AlreadyWon or AlreadyLost."""
    match deal.outcome:
        case Pending():
            return deal
        case Won(booked=booked):
            raise AlreadyWon("", booked=msgspec.to_builtins(booked))
        case Lost():
            raise AlreadyLost


def same_currency(deal: Deal, amount: Money) -> None:
    """Raises OtherCurrency where an amount is not in the deal's currency."""
    if amount.currency != deal.amount.currency:
        fault = Fault("#/amount/currency", f"the deal is in {deal.amount.currency}")
        raise OtherCurrency("", [fault], currency=deal.amount.currency)

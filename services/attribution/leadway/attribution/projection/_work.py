"""The links that dealreg adds: work on the lead, opportunities, deals and what is booked on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from leadway.attribution.projection._chain import Booking, Captured, Chain, DealLink, Opportunity, appended, link_to
from leadway.facts import Envelope, Fact, dealreg
from leadway.facts.terms import Company, Money

_OPPORTUNITIES_MAX: Final = 50


def _activity(chain: Chain, envelope: Envelope, fact: dealreg.ActivityLogged) -> Chain:
    link = link_to(envelope, kind=fact.kind, outcome=fact.outcome, assignment_id=fact.assignment_id)
    return msgspec.structs.replace(chain, activities=appended(chain.activities, link))


def _stage(chain: Chain, envelope: Envelope, fact: dealreg.StageChanged) -> Chain:
    link = link_to(envelope, stage=fact.stage, previous=fact.previous)
    return msgspec.structs.replace(chain, stages=appended(chain.stages, link))


def _closed(chain: Chain, envelope: Envelope, fact: dealreg.LeadClosed) -> Chain:
    return msgspec.structs.replace(chain, closed=link_to(envelope, outcome=fact.outcome))


def _reopened(chain: Chain, envelope: Envelope, _: dealreg.LeadReopened) -> Chain:
    return msgspec.structs.replace(chain, closed=None, routing=appended(chain.routing, link_to(envelope)))


def _opportunity(chain: Chain, envelope: Envelope, fact: dealreg.OpportunityOpened) -> Chain:
    new = Opportunity(opened=link_to(envelope), amount=fact.amount, assignment_id=fact.assignment_id)
    kept = dict(list(chain.opportunities.items())[-_OPPORTUNITIES_MAX:])
    return msgspec.structs.replace(chain, opportunities={**kept, fact.opportunity_id: new})


def _registered(chain: Chain, envelope: Envelope, fact: dealreg.DealRegistered) -> Chain:
    deal = DealLink(
        partner_id=fact.partner_id,
        opportunity_id=fact.opportunity_id,
        registered_at=envelope.time,
        amount=fact.amount,
        links=(link_to(envelope),),
    )
    began = chain.began
    if began is None:  # a deal that a partner brought: the lead begins with it
        began = Captured(fact_id=envelope.id, at=envelope.time, origin=fact.origin, person_id=fact.person_id)
    return msgspec.structs.replace(
        chain,
        began=began,
        company_id=chain.company_id or fact.company_id,
        company=fact.company if chain.company == Company() else chain.company,
        product=chain.product or fact.product,
        deals={**chain.deals, fact.deal_id: deal},
    )


def _registration(state: str) -> Callable[[Chain, Envelope, Any], Chain]:
    def change(chain: Chain, envelope: Envelope, fact: Any) -> Chain:
        return _with_deal(chain, envelope, fact, registration=state)

    return change


def _won(chain: Chain, envelope: Envelope, fact: dealreg.DealWon) -> Chain:
    changes: dict[str, Any] = {"outcome": "won", "amount": fact.amount, "won_at": fact.closed_at}
    if fact.partner_id is not None:
        changes["partner_id"] = fact.partner_id
    return _with_deal(chain, envelope, fact, booked=(fact.closed_at, fact.amount), **changes)


def _lost(chain: Chain, envelope: Envelope, fact: dealreg.DealLost) -> Chain:
    return _with_deal(chain, envelope, fact, outcome="lost")


def _amended(chain: Chain, envelope: Envelope, fact: dealreg.DealAmended) -> Chain:
    difference = Money(fact.amount.minor - fact.previous.minor, fact.amount.currency)
    return _with_deal(chain, envelope, fact, booked=(fact.effective_at, difference), amount=fact.amount)


def _deal_reopened(chain: Chain, envelope: Envelope, fact: dealreg.DealReopened) -> Chain:
    back = None if fact.booked is None else (envelope.time, Money(-fact.booked.minor, fact.booked.currency))
    return _with_deal(chain, envelope, fact, booked=back, outcome="open", won_at=None)


def _with_deal(
    chain: Chain, envelope: Envelope, fact: Any, booked: tuple[datetime, Money] | None = None, **changes: Any
) -> Chain:
    link = link_to(envelope)
    deal = chain.deals.get(fact.deal_id) or DealLink(registered_at=envelope.time)
    if booked is not None:
        at, amount = booked
        # Bookings are never dropped: revenue is their sum.
        changes["bookings"] = (*deal.bookings, Booking(fact_id=link.fact_id, type=link.type, at=at, amount=amount))
    new = msgspec.structs.replace(deal, links=appended(deal.links, link), **changes)
    return msgspec.structs.replace(chain, deals={**chain.deals, fact.deal_id: new})


WORK: Final[dict[type[Fact], Callable[[Chain, Envelope, Any], Chain]]] = {
    dealreg.ActivityLogged: _activity,
    dealreg.StageChanged: _stage,
    dealreg.LeadClosed: _closed,
    dealreg.LeadReopened: _reopened,
    dealreg.OpportunityOpened: _opportunity,
    dealreg.DealRegistered: _registered,
    dealreg.DealConflicted: _registration("conflicted"),
    dealreg.DealReturned: _registration("returned"),
    dealreg.DealApproved: _registration("approved"),
    dealreg.DealRejected: _registration("rejected"),
    dealreg.DealExpired: _registration("expired"),
    dealreg.DealWon: _won,
    dealreg.DealLost: _lost,
    dealreg.DealAmended: _amended,
    dealreg.DealReopened: _deal_reopened,
}

"""What is known of a lead from others' facts: who may be told, and what the message says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from leadway.delivery.translate._changes import change_of
from leadway.delivery.translate._commands import type_of
from leadway.facts import Envelope, Fact, dealreg, ingest, router, scoring
from leadway.facts.personal import Sealed, SubmissionDetails, seal, unseal
from leadway.facts.terms import CampaignSaid, Company, Money, Term

_HISTORY_MAX: Final = 48
_DEALS_MAX: Final = 24


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds the lead now; `reveal`: from when on it sees the person."""

    assignment_id: str
    partner_id: str
    accepted: bool = False
    reveal: str = "assigned"


class Deal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deal on the lead, as it stands."""

    partner_id: str | None = None
    opportunity_id: str | None = None
    registration: str = "submitted"
    outcome: str = "open"
    amount: Money | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that may be told, and to which partners: `audience` was settled when it happened.

    `ended`: it is told because it ended that partner's hold.
    """

    fact_id: str
    type: str
    at: datetime
    audience: tuple[str, ...] = ()
    ended: bool = False
    assignment_id: str | None = None
    deal_id: str | None = None
    change: dict[str, object] = {}


class Lead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lead as others' facts tell it."""

    state: str = "unrouted"
    hold: Hold | None = None
    eligible: tuple[str, ...] = ()  # while it is pooled
    person: Sealed | None = None
    company_id: str | None = None
    company: Company = Company()
    product: Term | None = None
    campaign: CampaignSaid | None = None
    score: float | None = None
    touches: int = 0
    deals: dict[str, Deal] = {}
    history: tuple[Seen, ...] = ()


def reflect(lead: Lead, envelope: Envelope) -> Lead:
    """The lead after a fact of another service."""
    fact = envelope.data
    change = _CHANGES.get(type(fact))
    after = lead if change is None else change(lead, fact)
    seen = _seen(after, envelope)
    return msgspec.structs.replace(after, history=(*after.history, seen)[-_HISTORY_MAX:])


def _seen(lead: Lead, envelope: Envelope) -> Seen:
    fact = envelope.data
    ended = isinstance(fact, _ENDS)
    return Seen(
        fact_id=envelope.id,
        type=type_of(envelope.type),
        at=envelope.time,
        audience=_audience(lead, fact),
        ended=ended,
        assignment_id=getattr(fact, "assignment_id", None),
        deal_id=getattr(fact, "deal_id", None),
        change=change_of(fact),
    )


def _audience(lead: Lead, fact: Fact) -> tuple[str, ...]:
    """The partners that may be told: the holder, whoever just lost the hold, or those that may claim."""
    if isinstance(fact, _ENDS):
        return (fact.partner_id,)
    if isinstance(fact, router.LeadPooled):
        return fact.eligible
    if lead.hold is None or not _concerns(lead, lead.hold, fact):
        return ()
    return (lead.hold.partner_id,)


def _concerns(lead: Lead, hold: Hold, fact: Fact) -> bool:
    """Whether a fact is the present holder's business: not what is left of an earlier hold, or of another's deal."""
    assignment_id: str | None = getattr(fact, "assignment_id", None)
    if assignment_id is not None:
        return assignment_id == hold.assignment_id
    deal_id: str | None = getattr(fact, "deal_id", None)
    if deal_id is not None:
        deal = lead.deals.get(deal_id)
        return deal is not None and deal.partner_id == hold.partner_id
    return getattr(fact, "pooling_id", None) is None


# ── one small change for each fact ───────────────────────────────────────────────────────────────────────────────────


def _captured(lead: Lead, fact: ingest.LeadCaptured) -> Lead:
    return msgspec.structs.replace(
        lead,
        person=_person(fact.personal),
        company_id=fact.company_id,
        company=fact.company,
        product=fact.product,
        campaign=fact.touch.campaign,
        touches=lead.touches + 1,
    )


def _touched(lead: Lead, fact: ingest.LeadTouched) -> Lead:
    return msgspec.structs.replace(
        lead,
        person=_person(fact.personal) or lead.person,
        company_id=fact.company_id or lead.company_id,
        company=lead.company if fact.company is None else _merged(lead.company, fact.company),
        product=fact.product or lead.product,
        touches=lead.touches + 1,
    )


def _scored(lead: Lead, fact: scoring.LeadScored) -> Lead:
    return msgspec.structs.replace(lead, score=fact.score)


def _pooled(lead: Lead, fact: router.LeadPooled) -> Lead:
    return msgspec.structs.replace(lead, state="pooled", hold=None, eligible=fact.eligible)


def _retained(lead: Lead, _: router.LeadRetained) -> Lead:
    return msgspec.structs.replace(lead, state="retained", hold=None, eligible=())


def _unroutable(lead: Lead, _: router.LeadUnroutable) -> Lead:
    return msgspec.structs.replace(lead, state="unroutable", hold=None, eligible=())


def _assigned(lead: Lead, fact: router.LeadAssigned) -> Lead:
    hold = Hold(fact.assignment_id, fact.partner_id, fact.accepted, fact.reveal)
    return msgspec.structs.replace(lead, state="accepted" if fact.accepted else "assigned", hold=hold, eligible=())


def _claimed(lead: Lead, fact: router.LeadClaimed) -> Lead:
    hold = Hold(fact.assignment_id, fact.partner_id, accepted=True, reveal=fact.reveal)
    return msgspec.structs.replace(lead, state="accepted", hold=hold, eligible=())


def _accepted(lead: Lead, fact: router.LeadAccepted) -> Lead:
    if lead.hold is None or lead.hold.assignment_id != fact.assignment_id:
        return lead
    hold = msgspec.structs.replace(lead.hold, accepted=True)
    return msgspec.structs.replace(lead, state="accepted", hold=hold)


_Ended = router.LeadDeclined | router.LeadReclaimed | router.LeadWithdrawn | router.LeadReleased
_ENDS: Final = (router.LeadDeclined, router.LeadReclaimed, router.LeadWithdrawn, router.LeadReleased)


def _ended(lead: Lead, fact: _Ended) -> Lead:
    if lead.hold is None or lead.hold.assignment_id != fact.assignment_id:
        return lead
    state = lead.state if lead.state == "closed" else "unrouted"
    return msgspec.structs.replace(lead, state=state, hold=None)


def _closed(lead: Lead, _: dealreg.LeadClosed) -> Lead:
    return msgspec.structs.replace(lead, state="closed", eligible=())


def _reopened(lead: Lead, _: dealreg.LeadReopened) -> Lead:
    return msgspec.structs.replace(lead, state="unrouted")


def _registered(lead: Lead, fact: dealreg.DealRegistered) -> Lead:
    deal = Deal(partner_id=fact.partner_id, opportunity_id=fact.opportunity_id, amount=fact.amount)
    changed = _with_deal(lead, fact.deal_id, deal)
    # A deal that a partner brought is often the first thing said of its lead.
    return msgspec.structs.replace(
        changed,
        company_id=lead.company_id or fact.company_id,
        company=fact.company if lead.company == Company() else lead.company,
        product=lead.product or fact.product,
    )


def _deal(**changes: Any) -> Callable[[Lead, Any], Lead]:
    def change(lead: Lead, fact: Any) -> Lead:
        told: dict[str, Any] = dict(changes)
        amount: Money | None = getattr(fact, "amount", None)
        if amount is not None:
            told["amount"] = amount
        partner_id: str | None = getattr(fact, "partner_id", None)
        if partner_id is not None:
            told["partner_id"] = partner_id
        known = lead.deals.get(fact.deal_id, Deal())
        return _with_deal(lead, fact.deal_id, msgspec.structs.replace(known, **told))

    return change


def _with_deal(lead: Lead, deal_id: str, deal: Deal) -> Lead:
    kept = list(lead.deals.items())[-_DEALS_MAX:]
    return msgspec.structs.replace(lead, deals={**dict(kept), deal_id: deal})


def _person(personal: Sealed | None) -> Sealed | None:
    """The person alone, sealed again; what cannot be opened here is kept as it is."""
    if personal is None or personal.key is not None:
        return personal
    details = unseal(personal, SubmissionDetails)
    if details is None or details.person is None:
        return None
    return seal(SubmissionDetails(person=details.person))


def _merged(known: Company, news: Company) -> Company:
    said = {name: value for name in news.__struct_fields__ if (value := getattr(news, name)) is not None}
    return msgspec.structs.replace(known, **said)


_CHANGES: Final[dict[type[Fact], Callable[[Lead, Any], Lead]]] = {
    ingest.LeadCaptured: _captured,
    ingest.LeadTouched: _touched,
    scoring.LeadScored: _scored,
    router.LeadPooled: _pooled,
    router.LeadRetained: _retained,
    router.LeadUnroutable: _unroutable,
    router.LeadAssigned: _assigned,
    router.LeadClaimed: _claimed,
    router.LeadAccepted: _accepted,
    router.LeadDeclined: _ended,
    router.LeadReclaimed: _ended,
    router.LeadWithdrawn: _ended,
    router.LeadReleased: _ended,
    dealreg.LeadClosed: _closed,
    dealreg.LeadReopened: _reopened,
    dealreg.DealRegistered: _registered,
    dealreg.DealConflicted: _deal(registration="conflicted"),
    dealreg.DealReturned: _deal(registration="returned"),
    dealreg.DealApproved: _deal(registration="approved"),
    dealreg.DealRejected: _deal(registration="rejected"),
    dealreg.DealExpired: _deal(registration="expired"),
    dealreg.DealWon: _deal(outcome="won"),
    dealreg.DealLost: _deal(outcome="lost"),
    dealreg.DealAmended: _deal(),
    dealreg.DealReopened: _deal(outcome="open"),
}

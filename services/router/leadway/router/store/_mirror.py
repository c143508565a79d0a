"""The mirror: what other services' facts add up to for one lead."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from leadway.facts import Envelope
from leadway.facts.dealreg import (
    DealApproved,
    DealExpired,
    DealLost,
    DealRegistered,
    DealRejected,
    DealReopened,
    DealWon,
    LeadClosed,
    LeadReopened,
)
from leadway.facts.ingest import LeadCaptured, LeadTouched
from leadway.facts.scoring import LeadQualified, LeadScored
from leadway.facts.terms import Company, Consent, Term, Touch
from leadway.router.policy.interest import Deal, Interest, Place

WORDS_MAX = 32
UNKNOWN = Interest()


def reflect(interest: Interest, envelope: Envelope) -> Interest:  # noqa: PLR0911 a branch for each fact
    """What is known of the lead after a fact."""
    match envelope.data:
        case LeadCaptured() as fact:
            return _captured(interest, fact)
        case LeadTouched() as fact:
            return _touched(interest, fact)
        case LeadScored() as fact:
            return replace(interest, score=fact.score)
        case LeadQualified() as fact:
            return replace(interest, score=fact.score)
        case LeadClosed() as fact:
            return replace(interest, closed=fact.outcome)
        case LeadReopened():
            return replace(interest, closed=None)
        case DealRegistered() as fact:
            return _registered(interest, fact)
        case DealApproved() | DealRejected() | DealExpired() | DealWon() | DealLost() | DealReopened() as fact:
            return _deal(interest, fact)
        case _:
            return interest


def _captured(interest: Interest, fact: LeadCaptured) -> Interest:
    return Interest(
        known=True,
        company_id=fact.company_id,
        place=_place(fact.company, Place()),
        product=_word(fact.product),
        origin=fact.origin,
        brought_by=fact.brought_by,
        sharing=_sharing(fact.consent, None),
        source_id=fact.source_id,
        score=interest.score,
        campaigns=_campaigns(fact.touch, ()),
        touches=(fact.touch.kind,),
        assets=(fact.touch.asset,) if fact.touch.asset else (),
        sealed=(fact.personal,),
        deals=interest.deals,
        closed=interest.closed,
    )


def _touched(interest: Interest, fact: LeadTouched) -> Interest:
    touch = fact.touch
    return replace(
        interest,
        company_id=fact.company_id or interest.company_id,
        place=_place(fact.company, interest.place) if fact.company else interest.place,
        product=_word(fact.product) or interest.product,
        sharing=_sharing(fact.consent, interest.sharing),
        campaigns=_campaigns(touch, interest.campaigns),
        touches=_added(interest.touches, (touch.kind,)),
        assets=_added(interest.assets, (touch.asset,) if touch.asset else ()),
        sealed=(*interest.sealed[:1], fact.personal) if fact.personal else interest.sealed,
    )


def _registered(interest: Interest, fact: DealRegistered) -> Interest:
    deals = {**interest.deals, fact.deal_id: Deal()}
    if interest.known:
        return replace(interest, deals=deals)
    return Interest(
        known=True,
        company_id=fact.company_id,
        place=_place(fact.company, Place()),
        product=_word(fact.product),
        origin="partner",
        brought_by=fact.partner_id,
        campaigns=(fact.campaign_id,) if fact.campaign_id else (),
        deals=deals,
        closed=interest.closed,
    )


def _deal(
    interest: Interest, fact: DealApproved | DealRejected | DealExpired | DealWon | DealLost | DealReopened
) -> Interest:
    deal = interest.deals.get(fact.deal_id, Deal())
    match fact:
        case DealApproved():
            deal = replace(deal, approved=True)
        case DealRejected() | DealExpired():
            deal = replace(deal, approved=False)
        case DealWon() | DealLost():
            deal = replace(deal, open=False)
        case DealReopened():
            deal = replace(deal, open=True)
    return replace(interest, deals={**interest.deals, fact.deal_id: deal})


def _place(company: Company, before: Place) -> Place:
    return Place(
        country=company.country or before.country,
        region=company.region or before.region,
        postal_code=company.postal_code or before.postal_code,
        industry=_word(company.industry) or before.industry,
        employees=before.employees if company.employees is None else company.employees,
        domain=company.domain or before.domain,
    )


def _word(term: Term | None) -> str | None:
    return None if term is None else term.code or term.said


def _sharing(consents: Iterable[Consent], before: bool | None) -> bool | None:  # noqa: FBT001 three-valued, not a flag
    for consent in consents:
        if consent.purpose == "partner_sharing":
            before = consent.granted
    return before


def _campaigns(touch: Touch, before: tuple[str, ...]) -> tuple[str, ...]:
    named = (touch.campaign.campaign_id,) if touch.campaign.campaign_id else ()
    return _added(before, (*named, *touch.campaign.said))


def _added(words: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    new = tuple(dict.fromkeys(word for word in more if word not in words))
    return (*words, *new)[-WORDS_MAX:] if new else words

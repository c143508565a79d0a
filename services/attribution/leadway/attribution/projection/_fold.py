"""The fold itself, and the links that marketing, scoring, routing and deadlines add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from leadway.attribution.projection._chain import Assignment, Captured, Chain, Link, Score, TouchLink, appended, link_to
from leadway.attribution.projection._work import WORK
from leadway.facts import Envelope, Fact, ingest, router, scoring, sla_timer
from leadway.facts.terms import Touch

_TOUCHES_MAX: Final = 400


def evolve(chain: Chain, envelope: Envelope) -> Chain:
    """The chain after a fact, whichever service said it; a fact that is no link of it changes nothing."""
    change = _LINKS.get(type(envelope.data))
    return chain if change is None else change(chain, envelope, envelope.data)


# ── marketing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _captured(chain: Chain, envelope: Envelope, fact: ingest.LeadCaptured) -> Chain:
    began = Captured(
        fact_id=envelope.id,
        at=envelope.time,
        origin=fact.origin,
        source_id=fact.source_id,
        person_id=fact.person_id,
    )
    return msgspec.structs.replace(
        chain,
        began=began,
        company_id=fact.company_id,
        company=fact.company,
        product=fact.product,
        touches=_with_touch(chain.touches, envelope.id, fact.source_id, fact.touch),
    )


def _touched(chain: Chain, envelope: Envelope, fact: ingest.LeadTouched) -> Chain:
    company = chain.company
    if fact.company is not None:
        said = {name: value for name in fact.company.__struct_fields__ if (value := getattr(fact.company, name))}
        company = msgspec.structs.replace(company, **said)
    return msgspec.structs.replace(
        chain,
        company_id=fact.company_id or chain.company_id,
        company=company,
        product=fact.product or chain.product,
        touches=_with_touch(chain.touches, envelope.id, fact.source_id, fact.touch),
    )


def _with_touch(touches: tuple[TouchLink, ...], fact_id: str, source_id: str, touch: Touch) -> tuple[TouchLink, ...]:
    new = TouchLink(
        fact_id=fact_id,
        kind=touch.kind,
        occurred_at=touch.occurred_at,
        source_id=source_id,
        asset=touch.asset,
        campaign=touch.campaign,
    )
    kept = (*touches, new)
    if len(kept) <= _TOUCHES_MAX:
        return kept
    # One has to go: the oldest that names no campaign and so can get no credit; else the oldest but the very first.
    unnamed = (place for place, link in enumerate(kept) if not (link.campaign.said or link.campaign.campaign_id))
    gone = next(unnamed, 1)
    return kept[:gone] + kept[gone + 1 :]


def _scored(chain: Chain, envelope: Envelope, fact: scoring.LeadScored) -> Chain:
    score = Score(fact_id=envelope.id, score=fact.score, fit=fact.fit, engagement=fact.engagement, as_of=fact.as_of)
    return msgspec.structs.replace(chain, score=score)


def _qualified(chain: Chain, envelope: Envelope, fact: scoring.LeadQualified) -> Chain:
    return msgspec.structs.replace(chain, qualification=link_to(envelope, label=fact.label))


def _disqualified(chain: Chain, envelope: Envelope, fact: scoring.LeadDisqualified) -> Chain:
    return msgspec.structs.replace(chain, qualification=link_to(envelope, reason=fact.reason))


# ── routing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _routed(chain: Chain, envelope: Envelope, fact: Any) -> Chain:
    link = link_to(
        envelope,
        queue=getattr(fact, "queue", None),
        reason=getattr(fact, "reason", None),
        pooling_id=getattr(fact, "pooling_id", None),
    )
    return msgspec.structs.replace(chain, routing=appended(chain.routing, link))


def _assigned(chain: Chain, envelope: Envelope, fact: router.LeadAssigned) -> Chain:
    return _with_assignment(chain, envelope, fact, accepted=fact.accepted)


def _claimed(chain: Chain, envelope: Envelope, fact: router.LeadClaimed) -> Chain:
    return _with_assignment(chain, envelope, fact, accepted=True)


def _with_assignment(
    chain: Chain, envelope: Envelope, fact: router.LeadAssigned | router.LeadClaimed, *, accepted: bool
) -> Chain:
    began = link_to(envelope, rule=fact.rule)
    new = Assignment(
        assignment_id=fact.assignment_id,
        partner_id=fact.partner_id,
        method=fact.method,
        began=began,
        accepted=began if accepted else None,
    )
    return msgspec.structs.replace(chain, assignments=appended(chain.assignments, new))


def _accepted(chain: Chain, envelope: Envelope, fact: router.LeadAccepted) -> Chain:
    return _with_hold(chain, fact.assignment_id, accepted=link_to(envelope))


def _ended(chain: Chain, envelope: Envelope, fact: Any) -> Chain:
    link = link_to(
        envelope,
        reason=getattr(fact, "reason", None),
        clock=getattr(fact, "clock", None),
        outcome=getattr(fact, "outcome", None),
    )
    return _with_hold(chain, fact.assignment_id, ended=link)


def _with_hold(chain: Chain, assignment_id: str, **changes: Link) -> Chain:
    assignments = tuple(
        msgspec.structs.replace(hold, **changes) if hold.assignment_id == assignment_id else hold
        for hold in chain.assignments
    )
    return msgspec.structs.replace(chain, assignments=assignments)


def _deadline(chain: Chain, envelope: Envelope, fact: Any) -> Chain:
    link = link_to(envelope, clock=fact.clock, assignment_id=fact.assignment_id, due_at=fact.due_at.isoformat())
    return msgspec.structs.replace(chain, deadlines=appended(chain.deadlines, link))


_LINKS: Final[dict[type[Fact], Callable[[Chain, Envelope, Any], Chain]]] = {
    ingest.LeadCaptured: _captured,
    ingest.LeadTouched: _touched,
    scoring.LeadScored: _scored,
    scoring.LeadQualified: _qualified,
    scoring.LeadDisqualified: _disqualified,
    router.LeadPooled: _routed,
    router.LeadRetained: _routed,
    router.LeadUnroutable: _routed,
    router.LeadAssigned: _assigned,
    router.LeadClaimed: _claimed,
    router.LeadAccepted: _accepted,
    router.LeadDeclined: _ended,
    router.LeadReclaimed: _ended,
    router.LeadWithdrawn: _ended,
    router.LeadReleased: _ended,
    sla_timer.SlaStarted: _deadline,
    sla_timer.SlaMet: _deadline,
    sla_timer.SlaBreached: _deadline,
    sla_timer.SlaStopped: _deadline,
    **WORK,
}

LEAD_FACTS: Final[tuple[type[Fact], ...]] = tuple(_LINKS)

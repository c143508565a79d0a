"""Whether two registrations want the same: the same company, and the same product where both name one.

The relation is symmetric: whoever registers second finds the first. It is not transitive (a name without a domain may
be like two companies), so holders are compared one by one and never merged into groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from leadway.facts.dealreg import Claim, CompanyMatch, DealApproved, DealRegistered, DealReopened
from leadway.facts.terms import KeyTurn


class Claimed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deal's claim on a company, under one key, at the key's turn `n`."""

    n: int
    deal_id: str
    lead_id: str
    claim: Claim


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who has claimed companies under one key, by turn, and the highest turn that was ever taken."""

    last: int = 0
    claimed: tuple[Claimed, ...] = ()


class HeldLead(msgspec.Struct, frozen=True, kw_only=True):
    """Another partner's lead, as its company and product are compared."""

    lead_id: str
    partner_id: str
    match: CompanyMatch
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Collision:
    """What a registration collides with. Channel managers see it, the registering partner never does."""

    partner_id: str
    lead_id: str
    deal_id: str | None = None
    protected: bool = False


def same_company(one: CompanyMatch, other: CompanyMatch) -> bool:
    """By domain where both have one; else by name, in the same country where both name one."""
    if one.domain and other.domain:
        return one.domain == other.domain
    if not one.name or one.name != other.name:
        return False
    return not one.country or not other.country or one.country == other.country


def same_product(one: str | None, other: str | None) -> bool:
    """Equal, or one of them names none: then it may be meant."""
    return one is None or other is None or one == other


def same_interest(one: Claim, other: Claim) -> bool:
    """Whether two claims want the same company and product."""
    return same_company(one.match, other.match) and same_product(one.product, other.product)


def keys_of(match: CompanyMatch | None) -> tuple[str, ...]:
    """The keys that hold every claim which could concern the same company: by domain and by name.

    The product is in the claim and not in the key, because a claim that names none concerns them all.
    """
    if match is None:
        return ()
    domain = (f"protection:domain:{match.domain}",) if match.domain else ()
    name = (f"protection:name:{match.name}",) if match.name else ()
    return (*domain, *name)


def turns_of(keys: Iterable[tuple[str, Claims]]) -> tuple[KeyTurn, ...]:
    """The next turn of each key."""
    return tuple(KeyTurn(key=key, n=claims.last + 1) for key, claims in keys)


def freed(turns: Iterable[KeyTurn]) -> tuple[KeyTurn, ...]:
    """The same turns, given back."""
    return tuple(KeyTurn(key=turn.key, n=turn.n, freed=True) for turn in turns)


def collision(
    wanted: Claim, claims: Iterable[Claims], held: Iterable[HeldLead], now: datetime, *, deal_id: str = ""
) -> Collision | None:
    """What `wanted` collides with, the weightiest first: a protected deal, a registered one, a lead that is held.

    Only other partners' count. A registration does so until it is rejected, won or lost.
    """
    rivals = _rivals(wanted, claims, deal_id)
    rivals.sort(key=lambda rival: (not protects(rival.claim, now), rival.n, rival.deal_id))
    for rival in rivals:
        protected = protects(rival.claim, now)
        return Collision(rival.claim.partner_id, rival.lead_id, rival.deal_id, protected)
    for lead in sorted(held, key=lambda held_lead: held_lead.lead_id):
        claim = Claim(partner_id=lead.partner_id, match=lead.match, product=lead.product)
        if lead.partner_id != wanted.partner_id and same_interest(wanted, claim):
            return Collision(lead.partner_id, lead.lead_id)
    return None


def protects(claim: Claim, now: datetime) -> bool:
    """Whether a claim keeps other partners out at `now`."""
    return claim.protected_until is not None and claim.protected_until > now


def _rivals(wanted: Claim, claims: Iterable[Claims], deal_id: str) -> list[Claimed]:
    return [
        claimed
        for under_key in claims
        for claimed in under_key.claimed
        if claimed.claim.partner_id != wanted.partner_id
        and claimed.deal_id != deal_id
        and same_interest(wanted, claimed.claim)
    ]


def evolve_claims(key: str, claims: Claims, fact: object) -> Claims:
    """A key's claims after a fact that takes or frees a turn of it. Facts of different leads may come in any order."""
    turns: tuple[KeyTurn, ...] = getattr(fact, "keys", ())
    for turn in turns:
        if turn.key == key:
            others = tuple(claimed for claimed in claims.claimed if claimed.n != turn.n)
            taken = () if turn.freed else _taken(turn.n, fact)
            ordered = tuple(sorted((*others, *taken), key=lambda claimed: claimed.n))
            claims = Claims(last=max(claims.last, turn.n), claimed=ordered)
    return claims


def _taken(n: int, fact: object) -> tuple[Claimed, ...]:
    match fact:
        case DealRegistered() | DealApproved() | DealReopened() if fact.claim is not None:
            return (Claimed(n=n, deal_id=fact.deal_id, lead_id=fact.lead_id, claim=fact.claim),)
        case _:
            return ()

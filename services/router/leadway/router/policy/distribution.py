"""The methods by which leads are distributed.

To add one, write how it chooses and name it in ASSIGNING or POOLING; rules, decider and API take it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from leadway.facts.router import PartnerChanged, RotationTurn
from leadway.router.policy.eligibility import Check, Partners
from leadway.router.policy.interest import Interest
from leadway.router.policy.spanning import TURN_UNIT, Ledger, Rotation


@dataclass(frozen=True, slots=True)
class Offer:
    """One lead in search of a partner. `excluded`: partners that had it and lost it."""

    interest: Interest
    partners: Partners
    ledger: Ledger
    excluded: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ToPartner:
    """The lead goes to this partner."""

    partner: PartnerChanged
    method: str
    turn: RotationTurn | None = None


@dataclass(frozen=True, slots=True)
class ToPool:
    """The lead waits for the first of these partners that claims it."""

    eligible: tuple[str, ...]
    method: str
    within_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ToQueue:
    """The vendor keeps the lead; `reason` says what led to it: rule, otherwise, consent, conflict …"""

    queue: str
    reason: str = "rule"


@dataclass(frozen=True, slots=True)
class ToNobody:
    """Nothing says what to do with the lead."""

    reason: str


Outcome = ToPartner | ToPool | ToQueue | ToNobody


def within_capacity(offer: Offer, mask: int) -> Check:
    """Those who have room for one more lead, of the partners in `mask`; the others are not asked."""
    partners = offer.partners
    full = 0
    limited = partners.limited & mask
    while limited:
        bit = limited & -limited
        limited ^= bit
        partner = partners.all[bit.bit_length() - 1]
        if partner.open_leads_max is not None and offer.ledger.load(partner.entity_id).open >= partner.open_leads_max:
            full |= bit
    return Check("at capacity", partners.everyone & ~full)


def next_turn(rotation: Rotation, key: str, partners: Partners, mask: int) -> RotationTurn:
    """Whose turn it is among `mask` (not empty): the smallest start, then the smallest id."""
    floor = rotation.floor
    finish = rotation.finish
    chosen = None
    earliest = 0
    while mask:
        bit = mask & -mask
        mask ^= bit
        partner = partners.all[bit.bit_length() - 1]
        start = max(finish.get(partner.entity_id, 0), floor)
        # Partners are in the order of their ids, so the first of equals has the smallest.
        if chosen is None or start < earliest:
            chosen, earliest = partner, start
    if chosen is None:
        raise ValueError("a turn is for at least one partner")
    return RotationTurn(
        key=key,
        partner_id=chosen.entity_id,
        finish=earliest + TURN_UNIT // chosen.weight,
        floor=max(floor, earliest),
    )


def round_robin(offer: Offer, mask: int, key: str) -> ToPartner:
    """Turns in proportion to weights, whoever comes and goes."""
    turn = next_turn(offer.ledger.rotation(key), key, offer.partners, mask)
    return ToPartner(offer.partners.all[offer.partners.position[turn.partner_id]], "round_robin", turn)


ASSIGNING: Mapping[str, Callable[[Offer, int, str], ToPartner]] = {"round_robin": round_robin}
"""How `assign` chooses: (offer, eligible partners as bits, the step's own key) → the one that gets the lead."""

POOLING = ("shark_tank",)
"""How `pool` lets partners have a lead: the first claim gets it."""


def fit_to_hold(offer: Offer, partner_id: str) -> tuple[PartnerChanged | None, tuple[str, ...]]:
    """The partner, where it may get a lead whatever this one is; else None and why not."""
    partner = offer.partners.get(partner_id)
    if partner is None:
        return None, ("unknown or ended",)
    reasons: list[str] = []
    if partner.status != "active":
        reasons.append("not active")
    if partner_id in offer.excluded:
        reasons.append("had this lead before")
    bit = 1 << offer.partners.position[partner_id]
    if not within_capacity(offer, bit).passes & bit:
        reasons.append("at capacity")
    return (None, tuple(reasons)) if reasons else (partner, ())

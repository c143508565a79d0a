"""The steps that a rule may take: assign, pool, direct, retain.

To add a kind of step, write its class and how it is read, and name it in STEPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from leadway.facts.router import LeftOut, StepTaken
from leadway.router.policy.distribution import (
    ASSIGNING,
    POOLING,
    Offer,
    Outcome,
    ToPartner,
    ToPool,
    ToQueue,
    fit_to_hold,
    within_capacity,
)
from leadway.router.policy.eligibility import MATCHES, Among, Check, Partners
from leadway.router.policy.reading import Reader
from leadway.router.policy.spanning import rotation_key

CLAIM_WITHIN_SECONDS_MIN = 1
CLAIM_WITHIN_SECONDS_MAX = 90 * 24 * 3600
BROUGHT_BY = "brought_by"

Tried = tuple[Outcome | None, StepTaken]


class Step(Protocol):
    """One step of a rule."""

    def take(self, offer: Offer, index: int) -> Tried:
        """What the step does with the lead, None where the next step is to be tried; and how it went."""
        ...

    def rotations(self) -> tuple[str, ...]:
        """The rotations that the step may turn."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What a step asks of partners, the part that no lead changes worked out beforehand."""

    among: Among
    checks: tuple[Check, ...]

    def eligible(self, offer: Offer, *, capacity: bool) -> tuple[int, tuple[LeftOut, ...]]:
        """Who may get the lead, as bits, and why each other partner may not."""
        partners = offer.partners
        checks = [*self.checks, *partners.matching(self.among, offer.interest)]
        if offer.excluded:
            checks.append(Check("had this lead before", partners.everyone & ~partners.mask(offer.excluded)))
        mask = partners.passing(checks)
        if capacity and mask & partners.limited:
            room = within_capacity(offer, mask)
            checks.append(room)
            mask &= room.passes
        return mask, partners.left_out(checks, mask)


@dataclass(frozen=True, slots=True)
class Assign:
    """`{assign: {method, among}}`: one of the eligible partners gets the lead."""

    method: str
    standing: Standing
    key: str

    def take(self, offer: Offer, index: int) -> Tried:
        mask, left_out = self.standing.eligible(offer, capacity=True)
        eligible = offer.partners.ids(mask)
        if not mask:
            return None, _taken(index, "assign", left_out=left_out, passed="nobody is eligible")
        outcome = ASSIGNING[self.method](offer, mask, self.key)
        return outcome, _taken(index, "assign", eligible=eligible, left_out=left_out)

    def rotations(self) -> tuple[str, ...]:
        return (self.key,)


@dataclass(frozen=True, slots=True)
class Pool:
    """`{pool: {method, among, claim_within?}}`: the eligible partners may claim the lead.

    A partner at capacity is in the pool too: it may have room before the window ends, and is asked again at its claim.
    """

    method: str
    standing: Standing
    within_seconds: int | None

    def take(self, offer: Offer, index: int) -> Tried:
        mask, left_out = self.standing.eligible(offer, capacity=False)
        if not mask:
            return None, _taken(index, "pool", left_out=left_out, passed="nobody is eligible")
        eligible = offer.partners.ids(mask)
        # The fact names the eligible partners itself.
        return ToPool(eligible, self.method, self.within_seconds), _taken(index, "pool", left_out=left_out)

    def rotations(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Direct:
    """`{direct: partner_id | "brought_by"}`: this partner gets the lead, if it may have one at all."""

    partner_id: str

    def take(self, offer: Offer, index: int) -> Tried:
        partner_id = offer.interest.brought_by if self.partner_id == BROUGHT_BY else self.partner_id
        if partner_id is None:
            return None, _taken(index, "direct", passed="no partner brought the lead")
        partner, reasons = fit_to_hold(offer, partner_id)
        if partner is None:
            return None, _taken(index, "direct", left_out=(LeftOut(partner_id, reasons),), passed="nobody is eligible")
        return ToPartner(partner, "direct"), _taken(index, "direct", eligible=(partner_id,))

    def rotations(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Retain:
    """`{retain: {queue}}`: the vendor keeps the lead."""

    queue: str

    def take(self, offer: Offer, index: int) -> Tried:  # noqa: ARG002 every step takes an offer
        return ToQueue(self.queue), _taken(index, "retain")

    def rotations(self) -> tuple[str, ...]:
        return ()


def _taken(
    index: int,
    kind: str,
    *,
    eligible: tuple[str, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
    passed: str | None = None,
) -> StepTaken:
    return StepTaken(index=index, kind=kind, eligible=eligible, left_out=left_out, passed_because=passed)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a step needs beside its document. `knows_partner`: whether there is such a partner."""

    partners: Partners
    rule: str
    index: int
    knows_partner: Callable[[str], bool]


def _read_assign(document: Reader, reading: Reading) -> Step:
    fields = document.fields(required=("method",), optional=("among",))
    method = fields["method"].one_of(tuple(ASSIGNING)) if "method" in fields else ""
    return Assign(method, _read_standing(fields, reading), rotation_key(reading.rule, reading.index))


def _read_pool(document: Reader, reading: Reading) -> Step:
    fields = document.fields(required=("method",), optional=("among", "claim_within"))
    method = fields["method"].one_of(POOLING) if "method" in fields else ""
    within = None
    if "claim_within" in fields:
        within = fields["claim_within"].seconds(least=CLAIM_WITHIN_SECONDS_MIN, most=CLAIM_WITHIN_SECONDS_MAX)
    return Pool(method, _read_standing(fields, reading), within)


def _read_direct(document: Reader, reading: Reading) -> Step:
    partner_id = document.name()
    if partner_id and partner_id != BROUGHT_BY and not reading.knows_partner(partner_id):
        document.fault('there is no such partner; a partner\'s id or "brought_by" was expected')
    return Direct(partner_id)


def _read_retain(document: Reader, reading: Reading) -> Step:  # noqa: ARG001 every step is read alike
    return Retain(read_queue(document))


def read_queue(document: Reader) -> str:
    """The queue that `{queue}` names."""
    fields = document.fields(required=("queue",))
    return fields["queue"].code() if "queue" in fields else ""


STEPS: Mapping[str, Callable[[Reader, Reading], Step]] = {
    "assign": _read_assign,
    "pool": _read_pool,
    "direct": _read_direct,
    "retain": _read_retain,
}
"""How each kind of step is read from its document."""


def _read_standing(step: Mapping[str, Reader], reading: Reading) -> Standing:
    among = Among()
    if "among" in step:
        fields = step["among"].fields(optional=("type", "tier", "certifications", "partners", "match"))
        named = {name: fields[name].names() for name in ("type", "tier", "certifications") if name in fields}
        among = Among(
            types=named.get("type", ()),
            tiers=named.get("tier", ()),
            certifications=named.get("certifications", ()),
            partners=_read_partners(fields["partners"], reading) if "partners" in fields else (),
            match=_read_match(fields["match"]) if "match" in fields else (),
        )
    return Standing(among, reading.partners.standing(among))


def _read_partners(document: Reader, reading: Reading) -> tuple[str, ...]:
    found: list[str] = []
    for item in document.items(count_max=1000, least=1):
        partner_id = item.name()
        if partner_id and not reading.knows_partner(partner_id):
            item.fault("there is no such partner")
        found.append(partner_id)
    return tuple(found)


def _read_match(document: Reader) -> tuple[str, ...]:
    return tuple(item.one_of(tuple(MATCHES)) for item in document.items(count_max=len(MATCHES)))

"""Which partners may get a lead, and why each other one may not.

Partners are bits of one integer, and each thing that they are asked for is a mask of those who have it: to find who is
eligible among a thousand is then a handful of ANDs. An index is made once for each change of the partners.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from leadway.facts.router import LeftOut, PartnerChanged
from leadway.router.policy.interest import Interest, Place, word_key

LEFT_OUT_MAX = 200
REMEMBERED_MAX = 1000
TERRITORY = re.compile(r"[A-Z]{2}|[A-Z]{2}-[A-Z0-9]{1,3}|[A-Z]{2}:[A-Z0-9][A-Z0-9 -]{0,9}")


class Check(NamedTuple):
    """One thing asked of partners: who passes, as bits, and what is said of those who do not."""

    reason: str
    passes: int


class Among(NamedTuple):
    """Whom a step is for: what partners must be, and by what they must match the lead. Empty: no demand."""

    types: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    match: tuple[str, ...] = ()


def bits(mask: int) -> Iterator[int]:
    """The positions that are set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class Partners:
    """The partners that have not ended, indexed by all that a step may ask of them."""

    def __init__(self, partners: Iterable[PartnerChanged]) -> None:
        self.all = tuple(sorted((p for p in partners if p.status != "ended"), key=lambda p: p.entity_id))
        self.position: Mapping[str, int] = {p.entity_id: i for i, p in enumerate(self.all)}
        self.everyone = (1 << len(self.all)) - 1
        self.active = Check("not active", self._those(lambda p: p.status == "active"))
        self.limited = self._those(lambda p: p.open_leads_max is not None)
        self._left_out: dict[tuple[tuple[Check, ...], int], tuple[LeftOut, ...]] = {}
        self._managed = {
            cam: frozenset(p.entity_id for p in self.all if p.cam == cam) for cam in {p.cam for p in self.all if p.cam}
        }
        self._territories = _index(("".join(t.split()) for t in p.territories) for p in self.all)
        self._industries = _index(map(_word, p.industries) for p in self.all)
        self._products = _index(map(_word, p.products) for p in self.all)
        self._sized = tuple((i, p.company_size) for i, p in enumerate(self.all) if p.company_size is not None)
        self._unsized = self._those(lambda p: p.company_size is None)

    def get(self, partner_id: str) -> PartnerChanged | None:
        """A partner that has not ended."""
        position = self.position.get(partner_id)
        return None if position is None else self.all[position]

    def managed_by(self, cam: str) -> frozenset[str]:
        """The partners whose channel manager this is."""
        return self._managed.get(cam, frozenset())

    def mask(self, partner_ids: Iterable[str]) -> int:
        """The bits of these partners; unknown ones have none."""
        mask = 0
        for partner_id in partner_ids:
            position = self.position.get(partner_id)
            if position is not None:
                mask |= 1 << position
        return mask

    def ids(self, mask: int) -> tuple[str, ...]:
        """The ids behind a mask, ascending."""
        everyone = self.all
        return tuple([everyone[i].entity_id for i in bits(mask)])

    def standing(self, among: Among) -> tuple[Check, ...]:
        """What a step asks of partners whatever the lead is."""
        asked = [self.active]
        if among.types:
            asked.append(Check("another type", self._those(lambda p: p.type in among.types)))
        if among.tiers:
            asked.append(Check("another tier", self._those(lambda p: p.tier in among.tiers)))
        if among.certifications:
            needed = frozenset(among.certifications)
            asked.append(Check("lacks a certification", self._those(lambda p: needed.issubset(p.certifications))))
        if among.partners:
            asked.append(Check("not one of those named", self.mask(among.partners)))
        return tuple(asked)

    def matching(self, among: Among, interest: Interest) -> list[Check]:
        """What a step asks of partners for this lead."""
        return [MATCHES[name](self, interest) for name in among.match]

    def passing(self, checks: Iterable[Check]) -> int:
        """Those who pass every check."""
        mask = self.everyone
        for check in checks:
            mask &= check.passes
        return mask

    def left_out(self, checks: Iterable[Check], eligible: int) -> tuple[LeftOut, ...]:
        """Why each other partner did not pass; at most LEFT_OUT_MAX of them."""
        asked = tuple(checks)
        # Leads of one place and kind leave out the same partners for the same reasons: said once, used often.
        known = self._left_out.get((asked, eligible))
        if known is None:
            if len(self._left_out) >= REMEMBERED_MAX:
                self._left_out.clear()
            known = self._left_out[asked, eligible] = self._why(asked, eligible)
        return known

    def _why(self, asked: tuple[Check, ...], eligible: int) -> tuple[LeftOut, ...]:
        found: list[LeftOut] = []
        for i in bits(self.everyone & ~eligible):
            bit = 1 << i
            reasons = tuple([check.reason for check in asked if not check.passes & bit])
            found.append(LeftOut(self.all[i].entity_id, reasons))
            if len(found) == LEFT_OUT_MAX:
                break
        return tuple(found)

    def in_territory(self, interest: Interest) -> Check:
        index = self._territories
        mask = index.get("", 0)
        for name in territories_of(interest.place):
            mask |= index.get(name, 0)
        return Check("not its territory", mask)

    def in_industry(self, interest: Interest) -> Check:
        return Check("not its industry", _either(self._industries, interest.place.industry))

    def with_product(self, interest: Interest) -> Check:
        return Check("not its product", _either(self._products, interest.product))

    def of_size(self, interest: Interest) -> Check:
        employees = interest.place.employees
        mask = self._unsized
        if employees is not None:
            for i, size in self._sized:
                if (size.min is None or size.min <= employees) and (size.max is None or employees <= size.max):
                    mask |= 1 << i
        return Check("not its size of company", mask)

    def _those(self, have: Callable[[PartnerChanged], bool]) -> int:
        return sum(1 << i for i, partner in enumerate(self.all) if have(partner))


MATCHES: Mapping[str, Callable[[Partners, Interest], Check]] = {
    "territory": Partners.in_territory,
    "industry": Partners.in_industry,
    "product": Partners.with_product,
    "company_size": Partners.of_size,
}
"""What `match` may name. A partner that names nothing of a kind serves all of it; a lead of which it is not known what
it is (no country, no product) goes only to partners that make no difference there."""


def territories_of(place: Place) -> Iterator[str]:
    """Every territory that holds the place: its country, its region, and each beginning of its postal code."""
    country = (place.country or "").upper()
    if not country:
        return
    yield country
    if place.region:
        region = place.region.upper()
        yield region if region.startswith(f"{country}-") else f"{country}-{region}"
    postal = "".join((place.postal_code or "").upper().split())
    for end in range(1, len(postal) + 1):
        yield f"{country}:{postal[:end]}"


def territory_fault(territory: str) -> str | None:
    """What is wrong with a territory as a partner's document names it."""
    if TERRITORY.fullmatch(territory):
        return None
    return "a country (DE), a region (US-GA) or the beginning of a postal code (DE:70) was expected"


def _word(name: str) -> str:
    return word_key(name) or ""


def _index(named: Iterable[Iterable[str]]) -> Mapping[str, int]:
    index: dict[str, int] = {}
    for i, keys in enumerate(named):
        for key in tuple(keys) or ("",):
            index[key] = index.get(key, 0) | 1 << i
    return index


def _either(index: Mapping[str, int], name: str | None) -> int:
    unnamed = index.get("", 0)
    return unnamed if name is None else unnamed | index.get(_word(name), 0)

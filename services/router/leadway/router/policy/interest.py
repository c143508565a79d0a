"""What the router knows of a lead from other services' facts, and what rules may ask of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from leadway.facts.personal import Sealed, SubmissionDetails, unseal
from leadway.facts.terms import Origin, Term
from leadway.words import term_key


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a company is matched by. `industry` is a code, or as said where no code is known."""

    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    industry: str | None = None
    employees: int | None = None
    domain: str | None = None


class Deal(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a deal on the lead stands."""

    approved: bool = False
    open: bool = True


class Interest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One lead as other services tell it. `known`: it was captured, or came with a deal."""

    known: bool = False
    company_id: str | None = None
    place: Place = Place()
    product: str | None = None
    origin: Origin = "vendor"
    brought_by: str | None = None
    sharing: bool | None = None  # what the person last said about being passed to partners
    source_id: str | None = None
    score: float | None = None
    campaigns: tuple[str, ...] = ()  # cmp_ ids and codes as said
    touches: tuple[str, ...] = ()  # kinds
    assets: tuple[str, ...] = ()
    sealed: tuple[Sealed, ...] = ()  # of the capture and the latest touch: the form's fields
    deals: dict[str, Deal] = {}
    closed: str | None = None  # the outcome, while the lead is closed

    @property
    def has_open_deal(self) -> bool:
        """Whether a registered deal is neither won nor lost."""
        return any(deal.open for deal in self.deals.values())

    @property
    def has_protected_deal(self) -> bool:
        """Whether an approved deal is open: then the lead stays where it is."""
        return any(deal.open and deal.approved for deal in self.deals.values())

    @property
    def own_partner(self) -> str | None:
        """The partner that brought the lead as its own."""
        return self.brought_by if self.origin == "partner" else None


def word_key(word: str | None) -> str | None:
    """What a code, or what was said where there is none, is compared by: two spellings of a product are one product."""
    return term_key(Term(said=word))


def form_fields(interest: Interest) -> Mapping[str, str]:
    """The form's fields, the latest answer to each; personal data, so only for a rule that asks for one."""
    fields: dict[str, str] = {}
    for sealed in interest.sealed:
        details = unseal(sealed, SubmissionDetails)
        if details is not None:
            fields.update(details.fields)
    return fields

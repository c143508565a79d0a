"""A lead's profile, as a mirror keeps it, and its values for the condition language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

import msgspec

from leadway.facts import CatalogFact, Fact
from leadway.facts.ingest import CampaignChanged, LeadCaptured, LeadTouched
from leadway.facts.personal import Sealed, SubmissionDetails, unseal
from leadway.facts.terms import CampaignSaid, Company, Origin, Term

_SUBMISSIONS_MAX: Final = 4
_NO_CAMPAIGN: Final = CampaignSaid()

K = TypeVar("K", bound=CatalogFact)
M = TypeVar("M")


class CampaignCatalog(Protocol):
    """Where campaigns are looked up; what `Around.catalogs` is."""

    def get(self, kind: type[K], entity_id: str) -> K | None: ...

    def all(self, kind: type[K]) -> Mapping[str, K]: ...

    def memo(self, name: str, build: Callable[[Any], M]) -> M: ...


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One lead as ingest tells it. `industry` and `product` are codes, or as said where no code is known."""

    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    industry: str | None = None
    product: str | None = None
    employees: int | None = None
    domain: str | None = None
    source: str | None = None
    origin: Origin | None = None
    campaign: CampaignSaid = _NO_CAMPAIGN  # of the first touch that named one
    # Form fields are personal: they stay sealed here too, those of the capture and of the newest submissions.
    submissions: tuple[Sealed, ...] = ()


def learn(profile: Profile, fact: Fact) -> Profile:
    """The profile after a capture or a touch; any other fact leaves it as it is."""
    if isinstance(fact, LeadCaptured):
        learned = _with_company(profile, fact.company)
        learned = msgspec.structs.replace(learned, source=fact.source_id, origin=fact.origin)
    elif isinstance(fact, LeadTouched):
        learned = _with_company(profile, fact.company) if fact.company else profile
    else:
        return profile
    named = profile.campaign if profile.campaign != _NO_CAMPAIGN else fact.touch.campaign
    return msgspec.structs.replace(
        learned,
        product=_word(fact.product) or learned.product,
        campaign=named,
        submissions=_with_submission(profile.submissions, fact.personal),
    )


def _with_company(profile: Profile, company: Company) -> Profile:
    return msgspec.structs.replace(
        profile,
        country=company.country or profile.country,
        region=company.region or profile.region,
        postal_code=company.postal_code or profile.postal_code,
        industry=_word(company.industry) or profile.industry,
        employees=profile.employees if company.employees is None else company.employees,
        domain=company.domain or profile.domain,
    )


def _word(term: Term | None) -> str | None:
    return (term.code or term.said) if term else None


def _with_submission(held: tuple[Sealed, ...], sealed: Sealed | None) -> tuple[Sealed, ...]:
    details = unseal(sealed, SubmissionDetails)
    if sealed is None or details is None or not details.fields:
        return held
    grown = (*held, sealed)
    # The capture's form is the fullest one: it stays, the oldest of the later ones goes.
    return grown if len(grown) <= _SUBMISSIONS_MAX else (grown[0], *grown[2:])


def profile_values(profile: Profile, catalog: CampaignCatalog) -> dict[str, object]:
    """The condition language's values of a profile; what is not known is left out, and so are form fields."""
    values: dict[str, object] = {
        "country": profile.country,
        "region": profile.region,
        "postal_code": profile.postal_code,
        "industry": profile.industry,
        "product": profile.product,
        "employees": profile.employees,
        "domain": profile.domain,
        "source": profile.source,
        "origin": profile.origin,
    }
    known = {name: value for name, value in values.items() if value is not None}
    known.update(campaign_values(profile.campaign, catalog))
    return known


def campaign_values(said: CampaignSaid, catalog: CampaignCatalog) -> dict[str, object]:
    """`campaign` (every name of it: id, codes, as said) and `tactic`, as far as they are known."""
    if said == _NO_CAMPAIGN:
        return {}
    found = catalog.get(CampaignChanged, said.campaign_id) if said.campaign_id else _named(said, catalog)
    if found is None:
        names = (said.campaign_id, *said.said) if said.campaign_id else said.said
        return {"campaign": names}
    return {"campaign": tuple(dict.fromkeys((found.entity_id, *found.codes, *said.said))), "tactic": found.tactic}


def _named(said: CampaignSaid, catalog: CampaignCatalog) -> CampaignChanged | None:
    """The campaign whose code was added after it was said."""
    by_code = catalog.memo("profile: campaigns by code", _by_code)
    return next((by_code[code] for code in map(_folded, said.said) if code in by_code), None)


def _by_code(catalog: CampaignCatalog) -> Mapping[str, CampaignChanged]:
    campaigns = catalog.all(CampaignChanged).values()
    return {_folded(code): campaign for campaign in campaigns for code in campaign.codes}


def _folded(text: str) -> str:
    return text.strip().casefold()


def form_fields(profile: Profile) -> dict[str, object]:
    """`fields.*`: the newest answer to each. Personal data: only for a condition that asks for one, never kept."""
    values: dict[str, object] = {}
    for sealed in profile.submissions:
        details = unseal(sealed, SubmissionDetails)
        if details is not None:
            values.update((f"fields.{name}", value) for name, value in details.fields.items())
    return values

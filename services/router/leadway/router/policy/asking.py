"""What a rule's condition may ask of a lead, and what it may name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from leadway.conditions import FIELDS, Known
from leadway.facts.ingest import CampaignChanged
from leadway.router.policy.interest import Interest, form_fields
from leadway.words import code_key

# Of a lead that nobody holds it cannot be asked who holds it.
ASKED = FIELDS - {"tier", "method"}
ANYTHING = Known(ASKED)
ORIGINS = ("vendor", "partner", "referral", "marketplace")


class Campaigns:
    """The campaigns, by id and by each code that names them."""

    def __init__(self, campaigns: Iterable[CampaignChanged]) -> None:
        every = sorted(campaigns, key=lambda campaign: campaign.entity_id)
        self._by_name: dict[str, CampaignChanged] = {}
        for campaign in every:
            for name in (campaign.entity_id, *campaign.codes):
                self._by_name.setdefault(code_key(name), campaign)
        self.names = tuple(sorted({name for each in every for name in (each.entity_id, *each.codes)}))
        self.tactics = tuple(sorted({each.tactic for each in every}))

    def named(self, said: Iterable[str]) -> list[CampaignChanged]:
        """The campaigns behind ids and codes, each once."""
        found = {
            campaign.entity_id: campaign for name in said if (campaign := self._by_name.get(code_key(name))) is not None
        }
        return list(found.values())


def known(
    campaigns: Campaigns,
    *,
    industries: Collection[str] | None,
    products: Collection[str] | None,
    sources: Collection[str] | None,
) -> Known:
    """What a rule may name now; None where nothing is known yet, so that any name goes."""
    values: dict[str, Collection[str]] = {"origin": ORIGINS}
    if campaigns.names:
        values["campaign"] = campaigns.names
        values["tactic"] = campaigns.tactics
    named = {"industry": industries, "product": products, "source": sources}
    values.update({field: codes for field, codes in named.items() if codes is not None})
    return Known(ASKED, values)


def values_of(interest: Interest, campaigns: Campaigns, *, form: bool) -> Mapping[str, object]:
    """The values of a lead for a rule's condition; `form`: the answers in its form too, which are personal."""
    place = interest.place
    values: dict[str, object] = {
        "country": place.country,
        "region": place.region,
        "postal_code": place.postal_code,
        "industry": place.industry,
        "product": interest.product,
        "employees": place.employees,
        "domain": place.domain,
        "score": interest.score,
        "source": interest.source_id,
        "origin": interest.origin,
        "touch": interest.touches,
        "asset": interest.assets,
    }
    if interest.campaigns:
        named = campaigns.named(interest.campaigns)
        values["campaign"] = (*interest.campaigns, *(name for each in named for name in (each.entity_id, *each.codes)))
        values["tactic"] = tuple(each.tactic for each in named)
    if form:
        values.update((f"fields.{name}", value) for name, value in form_fields(interest).items())
    return values

"""Rules are read whole: every fault at once, each with its place."""

from __future__ import annotations

from typing import Any

import pytest

from leadway.facts.ingest import CampaignChanged
from leadway.facts.router import PartnerChanged
from leadway.router.policy.asking import Campaigns, known
from leadway.router.policy.eligibility import Partners, territories_of, territory_fault
from leadway.router.policy.interest import Place
from leadway.router.policy.rules import BadRules, Rules, read_rules

PARTNERS = Partners([PartnerChanged(entity_id="ptr_a", name="A", tier="gold")])
CAMPAIGNS = Campaigns([CampaignChanged(entity_id="cmp_1", codes=("spring",), name="Spring", tactic="webinar")])
KNOWN = known(CAMPAIGNS, industries=("healthcare",), products=None, sources=None)
KEEP = {"retain": {"queue": "inside-sales"}}


def read(document: object) -> Rules:
    return read_rules(
        document, partners=PARTNERS, known=KNOWN, knows_partner=lambda partner_id: partner_id in PARTNERS.position
    )


def faults(document: object) -> dict[str, str]:
    with pytest.raises(BadRules) as refused:
        read(document)
    return {fault.pointer: fault.detail for fault in refused.value.errors}


def rule(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "r", "then": list(steps), **fields}


def test_a_good_document_is_read_whole() -> None:
    rules = read(
        {
            "account": "ignore",
            "rules": [
                rule(
                    {
                        "assign": {
                            "method": "round_robin",
                            "among": {
                                "tier": "gold",
                                "type": ["reseller"],
                                "certifications": ["iso"],
                                "partners": ["ptr_a"],
                                "match": ["territory", "industry", "product", "company_size"],
                            },
                        }
                    },
                    {"pool": {"method": "shark_tank", "claim_within": "P1DT2H"}},
                    {"direct": "ptr_a"},
                    {"direct": "brought_by"},
                    KEEP,
                    when={"campaign": ["SPRING"], "industry": ["healthcare"], "product": ["anything"]},
                    reveal="accepted",
                )
            ],
            "otherwise": KEEP,
        }
    )
    assert (rules.account, rules.otherwise, rules.rules[0].reveal) == ("ignore", "inside-sales", "accepted")
    assert rules.rotations() == ("rotation:r:0",)


def test_every_fault_is_named_at_once() -> None:
    nothing: list[object] = []
    empty: dict[str, object] = {}
    found = faults(
        {
            "account": "maybe",
            "rules": [
                rule(
                    {"assign": {"method": "lottery", "among": {"partners": ["ptr_a", "ptr_zz"]}}},
                    when={"color": ["red"]},
                ),
                rule({"pool": {"method": "shark_tank", "claim_within": "soon", "among": {"match": ["taste"]}}}),
                rule({"direct": "ptr_zz"}, name="c", when={"campaign": ["spring", "autumn"]}),
                rule(KEEP, {"direct": "ptr_a"}, name="d", when={"industry": ["farming"]}),
                rule({"assign": empty, "retain": empty}, name="e", reveal="never"),
                rule({"sell": empty}, name="f"),
                {"name": "g", "then": nothing, "unless": empty},
            ],
            "otherwise": {"retain": {"queue": "Not A Code"}},
            "extra": 1,
        }
    )
    assert set(found) == {
        "#/account",
        "#/rules/0/then/0/assign/method",
        "#/rules/0/then/0/assign/among/partners/1",
        "#/rules/0/when/color",
        "#/rules/1/name",
        "#/rules/1/then/0/pool/claim_within",
        "#/rules/1/then/0/pool/among/match/0",
        "#/rules/2/then/0/direct",
        "#/rules/2/when/campaign/1",
        "#/rules/3/then/1",
        "#/rules/3/when/industry/0",
        "#/rules/4/then/0",
        "#/rules/4/reveal",
        "#/rules/5/then/0/sell",
        "#/rules/6/then",
        "#/rules/6/unless",
        "#/otherwise/retain/queue",
        "#/extra",
    }


def test_a_lead_without_holder_cannot_be_asked_for_its_tier() -> None:
    assert set(faults({"rules": [rule(KEEP, when={"tier": ["gold"]})], "otherwise": KEEP})) == {"#/rules/0/when/tier"}


@pytest.mark.parametrize("document", [None, [], "rules", {}, {"rules": {}}, {"rules": [1], "otherwise": 2}])
def test_what_is_no_document_is_a_fault_and_no_crash(document: object) -> None:
    assert faults(document)


@pytest.mark.parametrize(
    ("territory", "good"),
    [
        ("DE", True),
        ("US-GA", True),
        ("DE:70", True),
        ("GB:SW1A", True),
        ("de", False),
        ("DE:", False),
        ("Germa", False),
    ],
)
def test_territories_have_three_forms(territory: str, good: bool) -> None:  # noqa: FBT001 a table's column
    assert (territory_fault(territory) is None) == good


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        (Place(country="DE", postal_code="70 173"), {"DE", "DE:7", "DE:70", "DE:701", "DE:7017", "DE:70173"}),
        (Place(country="US", region="GA"), {"US", "US-GA"}),
        (Place(country="US", region="us-ga"), {"US", "US-GA"}),
        (Place(region="GA", postal_code="70"), set[str]()),
    ],
)
def test_a_place_is_in_its_country_region_and_postal_areas(place: Place, inside: set[str]) -> None:
    assert set(territories_of(place)) == inside

"""What collides, what a company is recognised by, what is booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from leadway.dealreg.policy.companies import match_of
from leadway.dealreg.policy.conflict import (
    Claims,
    HeldLead,
    collision,
    evolve_claims,
    keys_of,
    same_company,
    same_interest,
)
from leadway.facts.dealreg import Claim, CompanyMatch, DealApproved, DealLost, DealRegistered
from leadway.facts.terms import Company, KeyTurn, Money

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=90)

matches = st.builds(
    CompanyMatch,
    domain=st.sampled_from([None, "acme.com", "acme.pl"]),
    name=st.sampled_from([None, "acme", "globex"]),
    country=st.sampled_from([None, "PL", "DE"]),
)
claims = st.builds(
    Claim,
    partner_id=st.sampled_from(["ptr_a", "ptr_b"]),
    match=matches,
    product=st.sampled_from([None, "erp", "crm"]),
    protected_until=st.sampled_from([None, LATER]),
)


def test_a_company_without_a_name_and_a_domain_is_recognised_by_nothing() -> None:
    assert match_of(Company(country="PL")) is None
    assert keys_of(None) == ()


@given(claims, claims)
def test_collisions_are_symmetrical(one: Claim, other: Claim) -> None:
    assert same_interest(one, other) == same_interest(other, one)


@given(matches, matches)
def test_companies_that_are_the_same_share_a_key(one: CompanyMatch, other: CompanyMatch) -> None:
    if same_company(one, other):
        assert set(keys_of(one)) & set(keys_of(other))


@given(claims, claims)
def test_whoever_registers_second_finds_the_first(one: Claim, other: Claim) -> None:
    def seen_by(second: Claim, first: Claim) -> bool:
        under = [_registered(key, n=1, deal_id="deal_1", claim=first) for key in keys_of(first.match)]
        return collision(second, under, (), NOW) is not None

    assert seen_by(one, other) == seen_by(other, one)


def test_a_protected_deal_weighs_more_than_an_earlier_registered_one() -> None:
    match = CompanyMatch(domain="acme.com")
    under = evolve_claims(
        "k", _registered("k", n=1, deal_id="deal_1", claim=Claim(partner_id="ptr_b", match=match)), _approved(2)
    )
    found = collision(Claim(partner_id="ptr_a", match=match), [under], (), NOW)
    assert found is not None
    assert (found.deal_id, found.protected) == ("deal_2", True)


def test_protection_ends_with_its_time() -> None:
    under = evolve_claims("k", Claims(), _approved(1))
    wanted = Claim(partner_id="ptr_a", match=CompanyMatch(domain="acme.com"))
    found = collision(wanted, [under], (), LATER)
    assert found is not None
    assert not found.protected


def test_a_lead_that_another_partner_holds_collides_and_ones_own_does_not() -> None:
    match = CompanyMatch(domain="acme.com")
    held = [HeldLead(lead_id=f"lead_{partner}", partner_id=partner, match=match) for partner in ("ptr_a", "ptr_b")]
    found = collision(Claim(partner_id="ptr_a", match=match, product="erp"), (), held, NOW)
    assert found is not None
    assert (found.lead_id, found.deal_id) == ("lead_ptr_b", None)


@settings(max_examples=60)
@given(st.permutations(range(3)))
def test_claims_of_different_leads_fold_alike_in_any_order(order: list[int]) -> None:
    lives = [
        [_registered_fact(n=1, deal_id="deal_1"), _lost(1)],
        [_registered_fact(n=2, deal_id="deal_2"), _approved(2)],
        [_registered_fact(n=3, deal_id="deal_3")],
    ]

    def folded(facts: list[DealRegistered | DealApproved | DealLost]) -> Claims:
        value = Claims()
        for fact in facts:
            value = evolve_claims("k", value, fact)
        return value

    straight = folded([fact for life in lives for fact in life])
    turned = folded([lives[index][step] for step in range(2) for index in order if step < len(lives[index])])
    assert turned == straight
    assert [claimed.n for claimed in straight.claimed] == [2, 3]
    assert straight.last == 3


def _registered_fact(*, n: int, deal_id: str, claim: Claim | None = None, key: str = "k") -> DealRegistered:
    return DealRegistered(
        lead_id=f"lead_{n}",
        deal_id=deal_id,
        amount=Money(1, "EUR"),
        claim=claim or Claim(partner_id="ptr_b", match=CompanyMatch(domain="acme.com")),
        keys=(KeyTurn(key, n),),
    )


def _registered(key: str, *, n: int, deal_id: str, claim: Claim) -> Claims:
    return evolve_claims(key, Claims(), _registered_fact(n=n, deal_id=deal_id, claim=claim, key=key))


def _approved(n: int) -> DealApproved:
    return DealApproved(
        lead_id=f"lead_{n}",
        deal_id=f"deal_{n}",
        partner_id="ptr_b",
        protected_until=LATER,
        protection_version=1,
        claim=Claim(partner_id="ptr_b", match=CompanyMatch(domain="acme.com"), protected_until=LATER),
        keys=(KeyTurn("k", n),),
    )


def _lost(n: int) -> DealLost:
    return DealLost(lead_id=f"lead_{n}", deal_id=f"deal_{n}", keys=(KeyTurn("k", n, freed=True),))

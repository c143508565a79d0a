"""Where leads go: rules, steps, consent, companies, originated leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from leadway.facts.dealreg import DealRegistered
from leadway.facts.ingest import LeadTouched
from leadway.facts.router import LeadAssigned, LeadPooled, LeadRetained, LeadUnroutable, LeadWithdrawn
from leadway.facts.scoring import LeadDisqualified
from leadway.facts.terms import Company, Consent, Money, Term, Touch
from leadway.router.decider import Accepted, Claim, Decline, Pooled, Retained

REFUSED = (Consent(purpose="partner_sharing", granted=False),)
ALLOWED = (Consent(purpose="partner_sharing", granted=True),)

ROUND_ROBIN = {"name": "all", "then": [{"assign": {"method": "round_robin"}}]}


def touched(lead_id: str, world: Any, **fields: Any) -> LeadTouched:
    touch = Touch(kind="email.clicked", occurred_at=world.now)
    return LeadTouched(lead_id=lead_id, person_id="per_1", source_id="src_web", touch=touch, **fields)


def test_the_first_rule_that_fits_decides_and_says_why_others_did_not(world: Any) -> None:
    world.partner("a", territories=("US",))
    world.partner("b", territories=("DE:70",))
    world.partner("c", status="paused", territories=("DE",))
    world.rules(
        {"name": "poland", "when": {"country": ["PL"]}, "then": [{"retain": {"queue": "pl"}}]},
        {"name": "near", "then": [{"assign": {"method": "round_robin", "among": {"match": ["territory"]}}}]},
    )
    (assigned,) = world.arrives("lead_1")
    assert isinstance(assigned, LeadAssigned)
    assert (assigned.partner_id, assigned.method, assigned.rule) == ("ptr_b", "round_robin", "near")
    decision = assigned.decision
    assert list(decision.not_matched) == ["poland"]
    (step,) = decision.steps
    assert {left.partner_id: left.reasons for left in step.left_out} == {
        "ptr_a": ("not its territory",),
        "ptr_c": ("not active",),
    }
    assert step.eligible == ("ptr_b",)
    assert {key.key for key in assigned.keys} == {"load:ptr_b"}


def test_rules_read_campaigns_scores_and_form_fields(world: Any) -> None:
    world.campaign("spring")
    for when in (
        {"campaign": ["spring"]},
        {"tactic": ["webinar"]},
        {"score": {"min": 60}},
        {"fields.budget": ["50000"]},
    ):
        world.rules({"name": "hit", "when": when, "then": [{"retain": {"queue": "hit"}}]})
        (retained,) = world.arrives(f"lead_{len(world.rows)}")
        assert (retained.queue, retained.reason) == ("hit", "rule")


def test_nothing_is_routed_before_there_are_rules(world: Any) -> None:
    (fact,) = world.arrives("lead_1")
    assert isinstance(fact, LeadUnroutable)


def test_steps_are_tried_until_one_takes_the_lead(world: Any) -> None:
    world.partner("gold")
    world.partner("full", tier="silver", open_leads_max=0)
    world.rules(
        {
            "name": "cascade",
            "then": [
                {"assign": {"method": "round_robin", "among": {"tier": "platinum"}}},
                {"assign": {"method": "round_robin", "among": {"tier": ["silver"]}}},
                {"direct": "brought_by"},
                {"pool": {"method": "shark_tank", "claim_within": "PT1H"}},
            ],
            "reveal": "accepted",
        }
    )
    (pooled,) = world.arrives("lead_1")
    assert isinstance(pooled, LeadPooled)
    assert pooled.eligible == ("ptr_full", "ptr_gold")
    assert (pooled.claim_within_seconds, pooled.reveal, pooled.step_index) == (3600, "accepted", 3)
    assert [step.passed_because for step in pooled.decision.steps] == [
        "nobody is eligible",
        "nobody is eligible",
        "no partner brought the lead",
        None,
    ]


def test_capacity_counts_open_assignments_within_a_batch_too(world: Any, lead: Any) -> None:
    world.partner("small", open_leads_max=2)
    world.rules(ROUND_ROBIN)
    facts = [fact for i in range(4) for fact in world.arrives(f"lead_{i}")]
    assert [type(fact) for fact in facts] == [LeadAssigned, LeadAssigned, LeadRetained, LeadRetained]
    assert (facts[2].queue, facts[2].reason) == ("inside-sales", "otherwise")


def test_a_direct_step_gives_the_lead_to_its_partner(world: Any) -> None:
    world.partner("a")
    world.rules({"name": "direct", "then": [{"direct": "ptr_a"}]})
    (assigned,) = world.arrives("lead_1")
    assert (assigned.partner_id, assigned.method, assigned.clocks, assigned.accepted) == (
        "ptr_a",
        "direct",
        True,
        False,
    )


def test_who_refused_sharing_is_kept_from_partners(world: Any) -> None:
    world.partner("a")
    world.rules(ROUND_ROBIN)
    (retained,) = world.arrives("lead_1", consent=REFUSED)
    assert (retained.queue, retained.reason) == ("consent", "consent")
    (assigned,) = world.hears("lead_1", touched("lead_1", world, consent=ALLOWED))
    assert assigned.partner_id == "ptr_a"


def test_a_consent_withdrawn_later_takes_the_lead_back(world: Any) -> None:
    world.partner("a")
    world.rules(ROUND_ROBIN)
    world.arrives("lead_1")
    withdrawn, retained = world.hears("lead_1", touched("lead_1", world, consent=REFUSED))
    assert isinstance(withdrawn, LeadWithdrawn)
    assert (withdrawn.reason, retained.queue) == ("consent", "consent")
    assert world.shared["load:ptr_a"].open == 0


def test_a_product_named_later_has_a_waiting_lead_asked_about_again(world: Any) -> None:
    world.partner("a", products=("imaging",))
    world.rules({"name": "p", "then": [{"assign": {"method": "round_robin", "among": {"match": ["product"]}}}]})
    (retained,) = world.arrives("lead_1", product=None)
    assert retained.queue == "inside-sales"
    (assigned,) = world.hears("lead_1", touched("lead_1", world, product=Term("imaging")))
    assert (assigned.partner_id, assigned.product, assigned.decision.asked) == ("ptr_a", "imaging", "touched")
    assert world.hears("lead_1", touched("lead_1", world)) == ()


def test_a_company_goes_to_the_partner_that_works_on_it(world: Any) -> None:
    world.partner("a")
    world.partner("b")
    world.rules(ROUND_ROBIN, account="follow")
    (first,) = world.arrives("lead_1", company_id="com_1")
    (other_product,) = world.arrives("lead_2", company_id="com_1", product=Term("dental"))
    assert {first.partner_id, other_product.partner_id} == {"ptr_a", "ptr_b"}
    (same,) = world.arrives("lead_3", company_id="com_1")
    assert (same.partner_id, same.method) == (first.partner_id, "account")
    # Without a product both are at work on whatever it is.
    (conflict,) = world.arrives("lead_4", company_id="com_1", product=None)
    assert (conflict.queue, conflict.reason) == ("conflict", "conflict")
    assert conflict.decision.steps[0].eligible == ("ptr_a", "ptr_b")


def test_two_spellings_of_a_product_without_a_code_are_one_product(world: Any) -> None:
    world.partner("a", products=("X-Ray  pro",))
    world.partner("b", products=("dental",))
    when = {"when": {"product": ["x-ray pro"]}}
    step = {"assign": {"method": "round_robin", "among": {"match": ["product"]}}}
    world.rules({"name": "p", **when, "then": [step]}, account="follow")
    (first,) = world.arrives("lead_1", company_id="com_1", product=Term(said="X-ray Pro"))
    assert (first.partner_id, first.method, first.product) == ("ptr_a", "round_robin", "X-ray Pro")
    (second,) = world.arrives("lead_2", company_id="com_1", product=Term(said="x-RAY   PRO"))
    assert (second.partner_id, second.method) == ("ptr_a", "account")
    account = world.shared["account:com_1"]
    assert account.holds == {"ptr_a": {"x-ray pro": 2}}
    for lead in ("lead_1", "lead_2"):
        world.asks(lead, Decline(partner_id="ptr_a", reason="no_fit"))
    assert world.shared["account:com_1"].holds == {}


def test_rules_may_ignore_companies(world: Any) -> None:
    world.partner("a")
    world.partner("b")
    world.rules(ROUND_ROBIN)
    partners = [world.arrives(f"lead_{i}", company_id="com_1")[0].partner_id for i in range(4)]
    assert partners == ["ptr_a", "ptr_b", "ptr_a", "ptr_b"]


def test_a_lead_that_a_partner_brought_is_its_own(world: Any) -> None:
    world.partner("a")
    world.partner("b")
    world.rules(ROUND_ROBIN)
    (assigned,) = world.arrives("lead_1", origin="partner", brought_by="ptr_b")
    assert (assigned.partner_id, assigned.method) == ("ptr_b", "originated")
    assert (assigned.clocks, assigned.accepted) == (False, True)
    assert isinstance(world.state("lead_1"), Accepted)


def test_a_deal_that_a_partner_brings_brings_its_lead(world: Any) -> None:
    world.partner("a")
    deal = DealRegistered(
        lead_id="lead_1",
        deal_id="deal_1",
        partner_id="ptr_a",
        originated=True,
        origin="partner",
        company_id="com_1",
        company=Company(country="DE"),
        product=Term("imaging"),
        amount=Money(100, "EUR"),
    )
    (assigned,) = world.hears("lead_1", deal)
    assert (assigned.partner_id, assigned.method, assigned.company_id) == ("ptr_a", "originated", "com_1")
    assert world.shared["account:com_1"].holders("imaging") == ("ptr_a",)
    assert world.hears("lead_1", deal) == ()


def test_pool_then_claim(world: Any) -> None:
    world.partner("a")
    world.rules({"name": "tank", "then": [{"pool": {"method": "shark_tank", "claim_within": "PT1H"}}]})
    world.arrives("lead_1", company_id="com_1")
    pooled = world.state("lead_1")
    assert isinstance(pooled, Pooled)
    assert pooled.closes_at == world.now + timedelta(hours=1)
    (claimed,) = world.asks("lead_1", Claim(partner_id="ptr_a"))
    assert (claimed.partner_id, claimed.pooling_id, claimed.rule) == ("ptr_a", pooled.pooling_id, "tank")
    assert {key.key for key in claimed.keys} == {"account:com_1", "load:ptr_a"}


def test_a_disqualified_lead_leaves_the_pool(world: Any) -> None:
    world.partner("a")
    world.rules({"name": "tank", "then": [{"pool": {"method": "shark_tank"}}]})
    world.arrives("lead_1")
    (retained,) = world.hears(
        "lead_1", LeadDisqualified(lead_id="lead_1", score=0.0, model_version=1, reason="student")
    )
    assert retained.queue == "disqualified"
    assert isinstance(world.state("lead_1"), Retained)

"""Where a lead goes: consent first, then whoever brought it, then its company's partner, then the rules."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace as _with

from leadway.facts.router import Decision, Reveal, StepTaken
from leadway.router.policy.asking import Campaigns, values_of
from leadway.router.policy.distribution import Offer, Outcome, ToNobody, ToPartner, ToPool, ToQueue
from leadway.router.policy.eligibility import Partners
from leadway.router.policy.interest import Interest
from leadway.router.policy.rules import Matched, Rules, first_match

CONSENT_QUEUE = "consent"
CONFLICT_QUEUE = "conflict"
REVIEW_QUEUE = "review"


@dataclass(frozen=True, slots=True)
class Network:
    """The partners and rules in force, worked out once for each change of them. `rules` is None before the first."""

    partners: Partners
    rules: Rules | None
    campaigns: Campaigns
    keys: tuple[str, ...] = ()  # every rotation and load that a routing may touch


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on in a rule, from a step of it, without asking again which rule fits."""

    rule: str
    step_index: int


@dataclass(frozen=True, slots=True)
class Routed:
    """Where the lead goes, and how that came about."""

    outcome: Outcome
    decision: Decision
    step_index: int | None = None
    reveal: Reveal = "assigned"


def route(offer: Offer, network: Network, asked: Decision, resume: Resume | None = None) -> Routed:
    """Where the lead goes. `asked` is the decision as far as it is known: what was asked, who is excluded."""
    interest = offer.interest
    if interest.sharing is False:
        return Routed(ToQueue(CONSENT_QUEUE, "consent"), asked)
    followed, asked = _follow(offer, network, asked)
    if followed is not None:
        return followed
    rules = network.rules
    if rules is None:
        return Routed(ToNobody("there are no rules"), asked)
    start, matched = _matched(rules, interest, network, resume)
    return _by_rule(offer, rules, matched, start, asked)


def _matched(rules: Rules, interest: Interest, network: Network, resume: Resume | None) -> tuple[int, Matched]:
    index = rules.named(resume.rule) if resume is not None else None
    if resume is not None and index is not None:
        return resume.step_index, Matched(index, rules.rules[index])
    return 0, first_match(rules, values_of(interest, network.campaigns, form=rules.asks_form))


def _follow(offer: Offer, network: Network, asked: Decision) -> tuple[Routed | None, Decision]:
    """The partner that the lead belongs to before any rule: the one that brought it, or that works on its company."""
    interest = offer.interest
    partners = offer.partners
    rules_version = network.rules.version if network.rules else 0
    asked = _with(asked, rules_version=rules_version)
    own = partners.get(interest.own_partner) if interest.own_partner else None
    if own is not None and own.status == "active" and own.entity_id not in offer.excluded:
        step = StepTaken(index=-1, kind="originated", eligible=(own.entity_id,))
        return _to(ToPartner(own, "originated"), asked, step), asked
    if network.rules is None or network.rules.account != "follow" or interest.company_id is None:
        return None, asked
    holders = offer.ledger.account(interest.company_id).holders(interest.product)
    followed = [
        partner
        for holder in holders
        if holder not in offer.excluded and (partner := partners.get(holder)) and partner.status == "active"
    ]
    if not followed:
        return None, asked
    step = StepTaken(index=-1, kind="account", eligible=tuple(p.entity_id for p in followed))
    if len(followed) > 1:
        return Routed(ToQueue(CONFLICT_QUEUE, "conflict"), _with(asked, steps=(step,))), asked
    return _to(ToPartner(followed[0], "account"), asked, step), asked


def _by_rule(offer: Offer, rules: Rules, matched: Matched, start: int, asked: Decision) -> Routed:
    rule = matched.rule
    asked = _with(asked, rules_version=rules.version, not_matched=dict(matched.not_matched or {}))
    if rule is None:
        return Routed(ToQueue(rules.otherwise, "otherwise"), asked)
    asked = _with(asked, rule=rule.name, rule_index=matched.index)
    taken: list[StepTaken] = []
    for index, step in enumerate(rule.steps[start:], start):
        outcome, step_taken = step.take(offer, index)
        taken.append(step_taken)
        if outcome is not None:
            decision = _with(asked, steps=tuple(taken), partner_versions=_versions(offer, outcome, step_taken))
            return Routed(outcome, decision, index, rule.reveal)
    return Routed(ToQueue(rules.otherwise, "otherwise"), _with(asked, steps=tuple(taken)))


def _to(outcome: ToPartner, asked: Decision, step: StepTaken) -> Routed:
    versions = {outcome.partner.entity_id: outcome.partner.version}
    return Routed(outcome, _with(asked, steps=(step,), partner_versions=versions))


def _versions(offer: Offer, outcome: Outcome, taken: StepTaken) -> dict[str, int]:
    eligible = outcome.eligible if isinstance(outcome, ToPool) else taken.eligible
    partners = offer.partners
    return {partner_id: partners.all[partners.position[partner_id]].version for partner_id in eligible}

"""What partners ask for: to claim a lead out of the pool, to accept one, to give one back."""

from __future__ import annotations

from collections.abc import Sequence

from leadway.decider import AssignmentEnded, NotOwner
from leadway.facts import Fact
from leadway.facts.router import LeadAccepted, LeadClaimed, LeadDeclined
from leadway.router.decider._by_facts import without
from leadway.router.decider._commands import Accept, Claim, Decline, FromPartners
from leadway.router.decider._draft import Draft
from leadway.router.decider._refusals import DealOpen, LeadAlreadyClaimed, NotEligible, UnknownLead
from leadway.router.decider._state import Accepted, Assigned, Pooled, State, hold_of
from leadway.router.policy.routing import REVIEW_QUEUE


def by_partner(command: FromPartners, state: State) -> Sequence[Fact]:
    """The facts that follow; none where it was done already."""
    match command:
        case Claim():
            return _claim(command, state)
        case Accept():
            return _accept(command, state)
        case Decline():
            return _decline(command, state)


def _claim(command: Claim, state: State) -> Sequence[Fact]:
    hold = hold_of(state)
    if hold is not None and hold.partner_id == command.partner_id:
        return ()
    if not isinstance(state, Pooled):
        raise _not_claimable(command.partner_id, state)
    scene = command.scene
    draft = Draft(scene)
    partner = scene.network.partners.get(command.partner_id)
    if partner is None or command.partner_id not in state.eligible:
        raise NotEligible("The lead was not offered to this partner.")
    if partner.status != "active" or scene.interest.sharing is False or scene.interest.closed:
        raise NotEligible("The partner takes no leads now, or the lead is on its way out of the pool.")
    if state.closes_at is not None and scene.now > state.closes_at:
        raise NotEligible("The time for claims is over.")
    if partner.open_leads_max is not None and draft.ledger.load(partner.entity_id).open >= partner.open_leads_max:
        raise NotEligible(f"The partner works on {partner.open_leads_max} leads already, as many as it can.")
    return (
        LeadClaimed(
            at=scene.now,
            lead_id=scene.lead_id,
            assignment_id=scene.assignment_id,
            partner_id=partner.entity_id,
            tier=partner.tier,
            partner_version=partner.version,
            pooling_id=state.pooling_id,
            reveal=state.reveal,
            rule=state.rule,
            step_index=state.step_index,
            rules_version=state.rules_version,
            company_id=scene.interest.company_id,
            product=scene.interest.product,
            keys=draft.ledger.take(partner.entity_id, scene.interest.company_id),
        ),
    )


def _not_claimable(partner_id: str, state: State) -> Exception:
    if partner_id in state.past.offered:
        if hold_of(state) is not None:
            return LeadAlreadyClaimed("Another partner has this lead.")
        return NotEligible("The lead is not in a pool any more.")
    return _not_holder(partner_id, state)


def _accept(command: Accept, state: State) -> Sequence[Fact]:
    hold = hold_of(state)
    if hold is None or hold.partner_id != command.partner_id:
        raise _not_holder(command.partner_id, state)
    if isinstance(state, Accepted):
        return ()
    scene = command.scene
    return (
        LeadAccepted(at=scene.now, lead_id=scene.lead_id, assignment_id=hold.assignment_id, partner_id=hold.partner_id),
    )


def _decline(command: Decline, state: State) -> Sequence[Fact]:
    if not isinstance(state, Assigned | Accepted) or state.hold.partner_id != command.partner_id:
        ended = state.past.ended.get(command.partner_id)
        if ended is not None and ended.how == "declined":
            return ()
        raise _not_holder(command.partner_id, state)
    hold = state.hold
    scene = command.scene
    if scene.interest.has_protected_deal:
        raise DealOpen("The lead cannot be given back while its deal is open.")
    draft = Draft(scene)
    ending = draft.after(
        LeadDeclined(
            at=scene.now,
            lead_id=scene.lead_id,
            assignment_id=hold.assignment_id,
            partner_id=hold.partner_id,
            product=hold.product,
            keys=draft.freed(hold),
            reason=command.reason,
            personal=command.note,
        )
    )
    excluded = without(state, hold.partner_id)
    if command.reason == "not_a_lead":
        return (ending, draft.retained(REVIEW_QUEUE, "review", draft.decision("declined", excluded)))
    return (ending, draft.routed("declined", excluded))


def _not_holder(partner_id: str, state: State) -> Exception:
    """What a partner that does not hold the lead is told: as much as it may know of the lead."""
    ended = state.past.ended.get(partner_id)
    if ended is not None:
        return AssignmentEnded(f"This partner's hold was {ended.how}.", assignment_id=ended.assignment_id)
    offered = state.eligible if isinstance(state, Pooled) else state.past.offered
    if partner_id in offered:
        return NotOwner("This partner does not hold the lead.")
    return UnknownLead()

"""What other services' facts lead to. A fact that does not apply to the lead as it is leads to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from leadway.facts import Fact
from leadway.facts.router import AcceptanceMissed, ClaimMissed, LeadReclaimed, LeadReleased, PartnerChanged
from leadway.router.decider._commands import (
    AnswerDue,
    Disqualify,
    FromFacts,
    Originate,
    Reclaim,
    Reconsider,
    Release,
    Reopen,
    Route,
    Scene,
)
from leadway.router.decider._draft import Draft
from leadway.router.decider._state import Accepted, Assigned, Pooled, Retained, State, Unroutable, Unrouted, hold_of
from leadway.router.policy.routing import CONSENT_QUEUE, Resume

CLOSED_QUEUE = "closed"
DISQUALIFIED_QUEUE = "disqualified"
# Queues that the rules chose, or a doubt that another product may settle; a person's choice stands.
_ASK_AGAIN = frozenset({"rule", "otherwise", "conflict"})


def by_fact(command: FromFacts, state: State) -> Sequence[Fact]:  # noqa: PLR0911 a branch for each command
    """The facts that follow."""
    match command:
        case Route():
            return _route(command, state)
        case Reopen():
            return _reopen(command, state)
        case Reconsider():
            return _reconsider(command, state)
        case Disqualify():
            return _out_of_pool(Draft(command.scene), state, DISQUALIFIED_QUEUE, "disqualified")
        case AnswerDue():
            return _answer(command, state)
        case Reclaim():
            return _reclaim(command, state)
        case Release():
            return _release(command, state)
        case Originate():
            return _originate(command, state)


def _route(command: Route, state: State) -> Sequence[Fact]:
    if not isinstance(state, Unrouted) or command.scene.interest.closed:
        return ()
    return (Draft(command.scene).routed("qualified", state.past.excluded),)


def _reopen(command: Reopen, state: State) -> Sequence[Fact]:
    if hold_of(state) is not None or isinstance(state, Pooled):
        return ()
    draft = Draft(command.scene)
    if command.partner_id is None:
        return (draft.routed("reopened", state.past.excluded),)
    # Its deal is open again, so the partner goes on with the lead and no deadline asks whether it takes it.
    excluded = tuple(each for each in state.past.excluded if each != command.partner_id)
    partner = _partner(command.scene, command.partner_id)
    return (draft.assigned(partner, "reopened", draft.decision("reopened", excluded)),)


def _reconsider(command: Reconsider, state: State) -> Sequence[Fact]:
    """A person who no longer wants to be passed on is taken back; a lead that waits is asked about again."""
    draft = Draft(command.scene)
    interest = command.scene.interest
    excluded = state.past.excluded
    if interest.closed:
        return ()
    if interest.sharing is False:
        return _consent_withdrawn(draft, state) if command.consent else ()
    if isinstance(state, Retained) and state.reason == "consent":
        return (draft.routed("consent", excluded),) if command.consent else ()
    waits = isinstance(state, Pooled | Unroutable) or (isinstance(state, Retained) and state.reason in _ASK_AGAIN)
    return (draft.routed("touched", excluded),) if command.product and waits else ()


def _consent_withdrawn(draft: Draft, state: State) -> Sequence[Fact]:
    hold = hold_of(state)
    if hold is None:
        return _out_of_pool(draft, state, CONSENT_QUEUE, "consent")
    # A partner that brought the person has its own word with it; one with an approved deal has a customer by now.
    if hold.method == "originated" or draft.scene.interest.has_protected_deal:
        return ()
    ending = draft.withdrawn(hold, "consent", None)
    decision = draft.decision("consent", state.past.excluded)
    return (ending, draft.retained(CONSENT_QUEUE, "consent", decision))


def _out_of_pool(draft: Draft, state: State, queue: str, reason: str) -> Sequence[Fact]:
    if not isinstance(state, Pooled):
        return ()
    return (draft.retained(queue, reason, draft.decision(reason, state.past.excluded)),)


def _answer(command: AnswerDue, state: State) -> Sequence[Fact]:
    """Under the lead's lock it is plain whether the deadline was kept: what was done by then is in the state."""
    scene = command.scene
    if command.clock == "claim":
        if not isinstance(state, Pooled) or state.pooling_id != command.pooling_id:
            return ()
        missed = ClaimMissed(at=scene.now, lead_id=scene.lead_id, pooling_id=state.pooling_id, due_at=command.due_at)
        resume = Resume(state.rule, state.step_index + 1) if state.rule is not None else None
        return (missed, Draft(scene).routed("claim.missed", state.past.excluded, resume=resume))
    hold = hold_of(state)
    if command.clock != "accept" or hold is None or hold.assignment_id != command.assignment_id:
        return ()
    if hold.acceptance_missed or (hold.accepted_at is not None and hold.accepted_at <= command.due_at):
        return ()
    return (
        AcceptanceMissed(at=scene.now, lead_id=scene.lead_id, assignment_id=hold.assignment_id, due_at=command.due_at),
    )


def _reclaim(command: Reclaim, state: State) -> Sequence[Fact]:
    scene = command.scene
    hold = hold_of(state)
    # A deal that was registered stops every clock; where both crossed, the deal counts.
    if hold is None or hold.assignment_id != command.assignment_id or scene.interest.has_open_deal:
        return ()
    draft = Draft(scene)
    ending = draft.after(
        LeadReclaimed(
            at=scene.now,
            lead_id=scene.lead_id,
            assignment_id=hold.assignment_id,
            partner_id=hold.partner_id,
            product=hold.product,
            keys=draft.freed(hold),
            clock=command.clock,
            due_at=command.due_at,
            breach=command.breach,
        )
    )
    return (ending, draft.routed("reclaimed", without(state, hold.partner_id)))


def _release(command: Release, state: State) -> Sequence[Fact]:
    scene = command.scene
    draft = Draft(scene)
    if not isinstance(state, Assigned | Accepted):
        return _out_of_pool(draft, state, CLOSED_QUEUE, "closed")
    hold = state.hold
    return (
        draft.after(
            LeadReleased(
                at=scene.now,
                lead_id=scene.lead_id,
                assignment_id=hold.assignment_id,
                partner_id=hold.partner_id,
                product=hold.product,
                keys=draft.freed(hold),
                outcome=command.outcome,
                closed_by=command.closed_by,
            )
        ),
    )


def _originate(command: Originate, state: State) -> Sequence[Fact]:
    if not isinstance(state, Unrouted):
        return ()
    draft = Draft(command.scene)
    partner = _partner(command.scene, command.partner_id)
    return (draft.assigned(partner, "originated", draft.decision("originated", state.past.excluded)),)


def _partner(scene: Scene, partner_id: str) -> PartnerChanged:
    # dealreg knows the partner by its token; its entry may have ended, and the lead is the partner's all the same.
    return scene.network.partners.get(partner_id) or PartnerChanged(entity_id=partner_id, name="", tier="")


def without(state: State, partner_id: str) -> tuple[str, ...]:
    """The partners that the lead is not to go to, one more among them."""
    excluded = state.past.excluded
    return excluded if partner_id in excluded else (*excluded, partner_id)

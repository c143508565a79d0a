"""What channel managers and admins ask for: to assign a lead, to keep it, to have it routed again, to take it on."""

from __future__ import annotations

from collections.abc import Sequence

from leadway.decider import Fault, InvalidRequest, NotOwner
from leadway.facts import Fact
from leadway.facts.router import Decision, PartnerChanged
from leadway.router.decider._by_facts import without
from leadway.router.decider._commands import (
    AcceptDirect,
    Assign,
    DeclineDirect,
    Directed,
    FromManagers,
    Reroute,
    Retain,
)
from leadway.router.decider._draft import Draft
from leadway.router.decider._refusals import DealOpen, NotRoutable, PartnerNotActive, SharingRefused, UnknownLead
from leadway.router.decider._state import Closed, Hold, Retained, State, Unrouted, hold_of
from leadway.router.decider._visibility import visible
from leadway.router.policy.routing import REVIEW_QUEUE


def by_manager(command: FromManagers, state: State) -> Sequence[Fact]:
    """The facts that follow; none where it is so already."""
    _check_known(command, state)
    match command:
        case Assign():
            return _assign(command, state)
        case Retain():
            return _retain(command, state)
        case Reroute():
            return _reroute(command, state)
        case AcceptDirect():
            _check_direct(state)
            return ()  # the vendor has it already
        case DeclineDirect():
            return _decline(command, state)


def _check_known(command: Directed, state: State) -> None:
    scene = command.scene
    if isinstance(state, Unrouted) and not scene.interest.known:
        raise UnknownLead
    if command.cam is not None and not visible(state, scene.network.partners.managed_by(command.cam)):
        raise UnknownLead


def _check_open(command: Directed, state: State) -> None:
    interest = command.scene.interest
    if isinstance(state, Closed) or interest.closed:
        raise NotRoutable("The lead is closed.")
    if hold_of(state) is not None and interest.has_protected_deal:
        raise DealOpen("The lead cannot be taken away while its approved deal is open.")


def _assign(command: Assign, state: State) -> Sequence[Fact]:
    scene = command.scene
    partner = _named(command)
    hold = hold_of(state)
    if hold is not None and hold.partner_id == partner.entity_id:
        return ()
    _check_open(command, state)
    if partner.status != "active":
        raise PartnerNotActive(f"{partner.name} is {partner.status}.")
    if scene.interest.sharing is False:
        raise SharingRefused("The person refused to be passed to partners.")
    draft = Draft(scene)
    excluded = tuple(each for each in _lost(state, hold) if each != partner.entity_id)
    decision = Decision(
        asked="assign",
        excluded=excluded,
        input=scene.input_id,
        rules_version=scene.network.rules.version if scene.network.rules else 0,
        partner_versions={partner.entity_id: partner.version},
    )
    if hold is None:
        return (draft.assigned(partner, "manual", decision, why=command.why),)
    return (draft.withdrawn(hold, "assign", command.why), draft.assigned(partner, "manual", decision))


def _named(command: Assign) -> PartnerChanged:
    partners = command.scene.network.partners
    partner = partners.get(command.partner_id)
    theirs = command.cam is None or command.partner_id in partners.managed_by(command.cam)
    if partner is None or not theirs:
        raise InvalidRequest("", [Fault("#/partner_id", "there is no such partner")])
    return partner


def _retain(command: Retain, state: State) -> Sequence[Fact]:
    if isinstance(state, Retained) and (state.queue, state.reason) == (command.queue, "retain"):
        return ()
    _check_open(command, state)
    draft = Draft(command.scene)
    hold = hold_of(state)
    decision = draft.decision("retain", _lost(state, hold))
    if hold is None:
        return (draft.retained(command.queue, "retain", decision, command.why),)
    ending = draft.withdrawn(hold, "retain", command.why)
    return (ending, draft.retained(command.queue, "retain", decision))


def _reroute(command: Reroute, state: State) -> Sequence[Fact]:
    scene = command.scene
    if any(settled.decision.input == scene.input_id for settled in state.past.decisions):
        return ()
    _check_open(command, state)
    draft = Draft(scene)
    hold = hold_of(state)
    excluded = () if command.allow_again else _lost(state, hold)
    if hold is None:
        return (draft.routed("reroute", excluded, why=command.why),)
    return (draft.withdrawn(hold, "reroute", command.why), draft.routed("reroute", excluded))


def _decline(command: DeclineDirect, state: State) -> Sequence[Fact]:
    if any(settled.decision.input == command.scene.input_id for settled in state.past.decisions):
        return ()
    _check_direct(state)
    _check_open(command, state)
    draft, excluded = Draft(command.scene), state.past.excluded
    if command.reason == "not_a_lead":
        return (draft.retained(REVIEW_QUEUE, "review", draft.decision("declined", excluded), command.why),)
    return (draft.routed("declined", excluded, why=command.why),)


def _check_direct(state: State) -> None:
    if not isinstance(state, Retained):
        raise NotOwner("The lead is not in a queue of the vendor.")


def _lost(state: State, hold: Hold | None) -> tuple[str, ...]:
    return state.past.excluded if hold is None else without(state, hold.partner_id)

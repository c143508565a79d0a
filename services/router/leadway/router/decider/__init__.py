"""What the router decides about a lead: commands in, facts out. Pure.

`_commands` says what can be asked, `_state` what a lead can be, `_evolve` how facts change that; the facts that follow
from other services' facts, from partners and from channel managers have a module each.
"""

from __future__ import annotations

from collections.abc import Sequence

from leadway.decider import Decider
from leadway.facts import Fact
from leadway.router.decider._by_facts import CLOSED_QUEUE, by_fact
from leadway.router.decider._by_managers import by_manager
from leadway.router.decider._by_partners import by_partner
from leadway.router.decider._commands import (
    EMPTY_SCENE,
    Accept,
    AcceptDirect,
    AnswerDue,
    AnyCommand,
    Assign,
    Claim,
    Command,
    Decline,
    DeclineDirect,
    DeclineReason,
    Disqualify,
    FromFacts,
    FromPartners,
    Originate,
    Reclaim,
    Reconsider,
    Release,
    Reopen,
    Reroute,
    Retain,
    Route,
    Scene,
)
from leadway.router.decider._evolve import INITIAL, evolve
from leadway.router.decider._refusals import (
    DealOpen,
    LeadAlreadyClaimed,
    NotEligible,
    NotRoutable,
    PartnerNotActive,
    SharingRefused,
    UnknownLead,
)
from leadway.router.decider._state import (
    Accepted,
    Assigned,
    Closed,
    Ended,
    Hold,
    Move,
    Past,
    Pooled,
    Retained,
    Settled,
    State,
    Unroutable,
    Unrouted,
    hold_of,
)
from leadway.router.decider._visibility import visible

__all__ = [
    "CLOSED_QUEUE", "DECIDER", "EMPTY_SCENE", "Accept", "AcceptDirect", "Accepted", "AnswerDue", "AnyCommand", "Assign",
    "Assigned", "Claim", "Closed", "Command", "DealOpen", "Decline", "DeclineDirect", "DeclineReason", "Disqualify",
    "Ended", "Hold",
    "LeadAlreadyClaimed", "Move", "NotEligible", "NotRoutable", "Originate", "PartnerNotActive", "Past", "Pooled",
    "Reclaim", "Reconsider", "Release", "Reopen", "Reroute", "Retain", "Retained", "Route", "Scene", "Settled",
    "SharingRefused", "State", "UnknownLead", "Unroutable", "Unrouted", "decide", "evolve", "hold_of", "visible",
]  # fmt: skip


def decide(command: AnyCommand, state: State) -> Sequence[Fact]:
    """The facts that follow from a command; () where it was carried out already or does not apply."""
    if isinstance(command, FromFacts):
        if _answered(command.scene.input_id, state):
            return ()
        return by_fact(command, state)
    if isinstance(command, FromPartners):
        return by_partner(command, state)
    return by_manager(command, state)


def _answered(input_id: str, state: State) -> bool:
    return bool(input_id) and any(settled.decision.input == input_id for settled in state.past.decisions)


DECIDER: Decider[AnyCommand, State, Fact] = Decider(INITIAL, decide, evolve)

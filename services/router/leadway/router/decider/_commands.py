"""What the router can be asked to do with a lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from leadway.facts.personal import Sealed
from leadway.router.policy.asking import Campaigns
from leadway.router.policy.eligibility import Partners
from leadway.router.policy.interest import Interest
from leadway.router.policy.routing import Network
from leadway.router.policy.spanning import Spanning, initial

DeclineReason = Literal["no_capacity", "no_fit", "relationship", "not_a_lead", "other"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands around a command when it is decided. `read`: the value of a key that spans leads, under its lock."""

    lead_id: str
    now: datetime
    input_id: str  # the fact or request that the command came from
    assignment_id: str  # for the hold that may begin
    interest: Interest
    network: Network
    read: Callable[[str], Spanning]

    @property
    def pooling_id(self) -> str:
        """For the stay in a pool that may begin."""
        return f"pool_{self.assignment_id.partition('_')[2]}"


EMPTY_SCENE = Scene(
    lead_id="",
    now=datetime.fromtimestamp(0, UTC),
    input_id="",
    assignment_id="",
    interest=Interest(),
    network=Network(Partners(()), None, Campaigns(())),
    read=initial,
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something asked of one lead. The stage fills in the scene."""

    scene: Scene = EMPTY_SCENE


@dataclass(frozen=True, kw_only=True)
class Route(Command):
    """The lead is qualified: find who works on it."""


@dataclass(frozen=True, kw_only=True)
class Reopen(Command):
    """The lead was closed and is open again: find anew who works on it; `partner_id`: whose deal was reopened."""

    partner_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reconsider(Command):
    """The prospect said more. `product`: what it is interested in, for the first time; `consent`: about partners."""

    product: bool = False
    consent: bool = False


@dataclass(frozen=True, kw_only=True)
class Disqualify(Command):
    """The lead is not to be routed."""


@dataclass(frozen=True, kw_only=True)
class AnswerDue(Command):
    """A deadline is here: say whether it was missed."""

    clock: str
    due_at: datetime
    assignment_id: str | None = None
    pooling_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reclaim(Command):
    """A deadline was missed for which the lead is to be taken back."""

    clock: str
    due_at: datetime
    assignment_id: str
    breach: str


@dataclass(frozen=True, kw_only=True)
class Release(Command):
    """The lead is closed: nobody holds it any more."""

    outcome: str
    closed_by: str


@dataclass(frozen=True, kw_only=True)
class Originate(Command):
    """A partner registered a deal of its own: the lead that came with it is the partner's."""

    partner_id: str


@dataclass(frozen=True, kw_only=True)
class Claim(Command):
    """A partner wants the lead out of the pool."""

    partner_id: str


@dataclass(frozen=True, kw_only=True)
class Accept(Command):
    """The holder takes the lead on."""

    partner_id: str


@dataclass(frozen=True, kw_only=True)
class Decline(Command):
    """The holder gives the lead back."""

    partner_id: str
    reason: DeclineReason
    note: Sealed | None = None


@dataclass(frozen=True, kw_only=True)
class Directed(Command):
    """A channel manager decides. `cam`: who, where it may only touch its own partners; `why`: in its words."""

    cam: str | None = None
    why: Sealed | None = None


@dataclass(frozen=True, kw_only=True)
class Assign(Directed):
    """Give the lead to this partner."""

    partner_id: str


@dataclass(frozen=True, kw_only=True)
class Retain(Directed):
    """Keep the lead in this queue."""

    queue: str


@dataclass(frozen=True, kw_only=True)
class Reroute(Directed):
    """Route the lead again. `allow_again`: also to partners that had it before."""

    allow_again: bool = False


@dataclass(frozen=True, kw_only=True)
class AcceptDirect(Directed):
    """The vendor takes on a lead that is in one of its queues."""


@dataclass(frozen=True, kw_only=True)
class DeclineDirect(Directed):
    """The vendor gives a lead back that is in one of its queues."""

    reason: DeclineReason


FromFacts = Route | Reopen | Reconsider | Disqualify | AnswerDue | Reclaim | Release | Originate
FromPartners = Claim | Accept | Decline
FromManagers = Assign | Retain | Reroute | AcceptDirect | DeclineDirect
AnyCommand = FromFacts | FromPartners | FromManagers

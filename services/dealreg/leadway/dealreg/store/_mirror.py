"""What dealreg knows of a lead by other services' facts: who holds it, whom it is about, its deadlines. Bounded."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from leadway.facts import Envelope, Fact
from leadway.facts.ingest import LeadCaptured, LeadTouched
from leadway.facts.personal import Sealed
from leadway.facts.router import (
    LeadAccepted,
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadPooled,
    LeadReclaimed,
    LeadReleased,
    LeadRetained,
    LeadUnroutable,
    LeadWithdrawn,
)
from leadway.facts.scoring import LeadScored
from leadway.facts.sla_timer import SlaBreached, SlaDue, SlaMet, SlaReminded, SlaStarted, SlaStopped
from leadway.facts.terms import Company, Origin, Term, Touch

TOUCHES_KEPT: Final = 50
ENDED_KEPT: Final = 32
CLOCKS_KEPT: Final = 32

replace = msgspec.structs.replace


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the mirror."""


class Nobody(_Part, frozen=True, tag="nobody"):
    """Nobody holds the lead."""


class Held(_Part, frozen=True, omit_defaults=True, tag="held"):
    """A partner holds the lead."""

    assignment_id: str
    partner_id: str
    accepted: bool = False
    reveal: str = "assigned"

    @property
    def revealed(self) -> bool:
        """Whether the partner may see the person by now."""
        return self.accepted or self.reveal == "assigned"


class Queued(_Part, frozen=True, tag="queued"):
    """The vendor works on the lead itself."""

    queue: str


class EndedHold(_Part, frozen=True):
    """A hold that ended, and by what: declined, reclaimed, withdrawn or released."""

    assignment_id: str
    partner_id: str
    how: str


class ClockSeen(_Part, frozen=True, omit_defaults=True):
    """A deadline of the lead. `status`: running, met, breached, stopped."""

    clock: str
    held_by: str  # the assignment, or the stay in a pool, that it runs for
    policy: str
    started_at: datetime
    due_at: datetime
    status: str = "running"
    reminded: int = 0


class LeadSeen(_Part, frozen=True, omit_defaults=True):
    """The lead as others know it."""

    captured: bool = False
    person_id: str | None = None
    company_id: str | None = None
    company: Company = Company()
    product: Term | None = None
    campaign_id: str | None = None  # of the first touch that names one
    origin: Origin = "vendor"
    personal: Sealed | None = None
    touches: tuple[Touch, ...] = ()
    score: float | None = None
    holder: Nobody | Held | Queued = Nobody()
    routed: bool = False
    ended: tuple[EndedHold, ...] = ()
    clocks: tuple[ClockSeen, ...] = ()


UNSEEN: Final = LeadSeen()


def reflect(seen: LeadSeen, envelope: Envelope) -> LeadSeen:
    """The mirror after a foreign fact."""
    fact = envelope.data
    match fact:
        case LeadCaptured():
            return _captured(seen, fact)
        case LeadTouched():
            return _touched(seen, fact)
        case LeadScored():
            return replace(seen, score=fact.score)
        case SlaStarted() | SlaReminded() | SlaDue() | SlaMet() | SlaBreached() | SlaStopped():
            return _timed(seen, fact)
        case _:
            return _routed(seen, envelope)


def _captured(seen: LeadSeen, fact: LeadCaptured) -> LeadSeen:
    return replace(
        seen,
        captured=True,
        person_id=fact.person_id,
        company_id=fact.company_id,
        company=fact.company,
        product=fact.product,
        campaign_id=fact.touch.campaign.campaign_id,
        origin=fact.origin,
        personal=fact.personal,
        touches=(fact.touch,),
    )


def _touched(seen: LeadSeen, fact: LeadTouched) -> LeadSeen:
    return replace(
        seen,
        company_id=fact.company_id or seen.company_id,
        company=_filled(seen.company, fact.company),
        product=fact.product or seen.product,
        campaign_id=seen.campaign_id or fact.touch.campaign.campaign_id,
        touches=(*seen.touches, fact.touch)[-TOUCHES_KEPT:],
    )


def _filled(company: Company, new: Company | None) -> Company:
    if new is None:
        return company
    said = {name: value for name in new.__struct_fields__ if (value := getattr(new, name)) is not None}
    return replace(company, **said)


def _routed(seen: LeadSeen, envelope: Envelope) -> LeadSeen:
    fact = envelope.data
    match fact:
        case LeadAssigned() | LeadClaimed():
            return replace(seen, holder=_held(fact), routed=True)
        case LeadAccepted():
            return replace(seen, holder=_accepted(seen.holder, fact))
        case LeadDeclined() | LeadReclaimed() | LeadWithdrawn() | LeadReleased():
            return _ended(seen, fact)
        case LeadRetained():
            return replace(seen, holder=Queued(queue=fact.queue), routed=True)
        case LeadPooled() | LeadUnroutable():
            return replace(seen, holder=Nobody(), routed=True)
        case _:
            return seen


def _held(fact: LeadAssigned | LeadClaimed) -> Held:
    return Held(
        assignment_id=fact.assignment_id,
        partner_id=fact.partner_id,
        accepted=fact.accepted if isinstance(fact, LeadAssigned) else True,
        reveal=fact.reveal,
    )


def _accepted(holder: Nobody | Held | Queued, fact: LeadAccepted) -> Nobody | Held | Queued:
    if isinstance(holder, Held) and holder.assignment_id == fact.assignment_id:
        return replace(holder, accepted=True)
    return holder


def _ended(seen: LeadSeen, fact: LeadDeclined | LeadReclaimed | LeadWithdrawn | LeadReleased) -> LeadSeen:
    how = fact.wire.split(".")[1]
    ended = EndedHold(assignment_id=fact.assignment_id, partner_id=fact.partner_id, how=how)
    current = isinstance(seen.holder, Held) and seen.holder.assignment_id == fact.assignment_id
    return replace(
        seen, holder=Nobody() if current else seen.holder, ended=(*seen.ended, ended)[-ENDED_KEPT:], routed=True
    )


_Sla = SlaStarted | SlaReminded | SlaDue | SlaMet | SlaBreached | SlaStopped
_STATUS: Final[dict[type[Fact], str]] = {SlaMet: "met", SlaBreached: "breached", SlaStopped: "stopped"}


def _timed(seen: LeadSeen, fact: _Sla) -> LeadSeen:
    held_by = fact.assignment_id or fact.pooling_id or ""
    if isinstance(fact, SlaStarted):
        started = ClockSeen(
            clock=fact.clock, held_by=held_by, policy=fact.policy, started_at=fact.started_at, due_at=fact.due_at
        )
        return replace(seen, clocks=(*seen.clocks, started)[-CLOCKS_KEPT:])

    def moved(clock: ClockSeen) -> ClockSeen:
        if (clock.clock, clock.held_by) != (fact.clock, held_by):
            return clock
        if isinstance(fact, SlaReminded):
            return replace(clock, reminded=clock.reminded + 1)
        return replace(clock, status=_STATUS.get(type(fact), clock.status))

    return replace(seen, clocks=tuple(moved(clock) for clock in seen.clocks))

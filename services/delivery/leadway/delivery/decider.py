"""Who is still to be told what about one lead.

What was due is on the log (notification.due); what is pending is due − delivered − failed. Attempts in between are
kept beside the state: they are no facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from leadway.decider import Decider
from leadway.facts.delivery import DueEndpoint, NotificationDelivered, NotificationDue, NotificationFailed

_FINISHED_MAX: Final = 24
_NOTICED_MAX: Final = 64

# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Occurred(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of another service, as far as it may be told."""

    fact_id: str
    fact_type: str  # without its version
    fact_time: datetime
    assignment_id: str | None = None
    deal_id: str | None = None
    change: dict[str, object] = {}


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    """Tell these endpoints of a fact."""

    lead_id: str
    occurred: Occurred
    endpoints: tuple[DueEndpoint, ...] = ()


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Tell an endpoint again what it could see of a lead since an instant. `occurred`: in log order."""

    lead_id: str
    endpoint_id: str
    since: datetime
    occurred: tuple[tuple[Occurred, DueEndpoint], ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint took a message."""

    lead_id: str
    fact_id: str
    endpoint_id: str
    attempts: int
    status: int
    at: datetime


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """A message is not tried any more at an endpoint."""

    lead_id: str
    fact_id: str
    endpoint_id: str
    attempts: int
    reason: str
    at: datetime
    status: int | None = None


Command = Notify | Replay | Record | GiveUp
DeliveryFact = NotificationDue | NotificationDelivered | NotificationFailed

# ── state ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Pending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that an endpoint has not had yet. `number` counts the lead's messages: their order at each endpoint."""

    number: int
    endpoint: DueEndpoint
    occurred: Occurred
    replay: bool = False


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that was taken (`reason` None) or given up."""

    number: int
    endpoint_id: str
    fact_id: str
    fact_type: str
    fact_time: datetime
    attempts: int
    status: int | None = None
    reason: str | None = None
    at: datetime | None = None
    replay: bool = False


class Silent(msgspec.Struct, frozen=True, tag="silent"):
    """Nobody was ever to be told anything."""


class Telling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="telling"):
    """Messages that wait, in order, and the last ones that ended. `noticed`: the last facts that became due."""

    numbered: int = 0
    pending: tuple[Pending, ...] = ()
    finished: tuple[Finished, ...] = ()
    noticed: tuple[str, ...] = ()


State = Silent | Telling


def evolve(state: State, fact: DeliveryFact) -> State:
    """The state after one of delivery's own facts."""
    telling = state if isinstance(state, Telling) else Telling()
    match fact:
        case NotificationDue():
            return _with_due(telling, fact)
        case NotificationDelivered() | NotificationFailed():
            return _without(telling, fact)


# ── decide ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def decide(command: Command, state: State) -> Sequence[DeliveryFact]:
    """The facts that follow; () for a message that is already due, or already ended."""
    match command:
        case Notify():
            return _notify(command, state)
        case Replay():
            return tuple(
                _due(command.lead_id, occurred, (endpoint,), replay=True)
                for occurred, endpoint in command.occurred
                if pending_at(state, occurred.fact_id, command.endpoint_id) is None
            )
        case Record() | GiveUp() if pending_at(state, command.fact_id, command.endpoint_id) is None:
            return ()
        case Record():
            return (
                NotificationDelivered(
                    lead_id=command.lead_id,
                    fact_id=command.fact_id,
                    endpoint_id=command.endpoint_id,
                    attempts=command.attempts,
                    status=command.status,
                    delivered_at=command.at,
                ),
            )
        case GiveUp():
            return (
                NotificationFailed(
                    lead_id=command.lead_id,
                    fact_id=command.fact_id,
                    endpoint_id=command.endpoint_id,
                    attempts=command.attempts,
                    status=command.status,
                    reason=command.reason,
                    failed_at=command.at,
                ),
            )


def pending_at(state: State, fact_id: str, endpoint_id: str) -> Pending | None:
    """The message about a fact that an endpoint has still to get."""
    if isinstance(state, Silent):
        return None
    for message in state.pending:
        if message.occurred.fact_id == fact_id and message.endpoint.endpoint_id == endpoint_id:
            return message
    return None


DECIDER: Final[Decider[Command, State, DeliveryFact]] = Decider(initial=Silent(), decide=decide, evolve=evolve)

# ── private ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _notify(command: Notify, state: State) -> Sequence[DeliveryFact]:
    known = isinstance(state, Telling) and command.occurred.fact_id in state.noticed
    if known or not command.endpoints:
        return ()
    return (_due(command.lead_id, command.occurred, command.endpoints, replay=False),)


def _due(lead_id: str, occurred: Occurred, endpoints: tuple[DueEndpoint, ...], *, replay: bool) -> NotificationDue:
    return NotificationDue(
        lead_id=lead_id,
        fact_id=occurred.fact_id,
        fact_type=occurred.fact_type,
        fact_time=occurred.fact_time,
        endpoints=endpoints,
        replay=replay,
        assignment_id=occurred.assignment_id,
        deal_id=occurred.deal_id,
        change=occurred.change,
    )


def _with_due(telling: Telling, fact: NotificationDue) -> Telling:
    occurred = Occurred(
        fact_id=fact.fact_id,
        fact_type=fact.fact_type,
        fact_time=fact.fact_time,
        assignment_id=fact.assignment_id,
        deal_id=fact.deal_id,
        change=fact.change,
    )
    new = tuple(
        Pending(number=number, endpoint=endpoint, occurred=occurred, replay=fact.replay)
        for number, endpoint in enumerate(fact.endpoints, telling.numbered + 1)
    )
    noticed = telling.noticed if fact.replay else (*telling.noticed, fact.fact_id)[-_NOTICED_MAX:]
    return msgspec.structs.replace(
        telling,
        numbered=telling.numbered + len(new),
        pending=telling.pending + new,
        noticed=noticed,
    )


def _without(telling: Telling, fact: NotificationDelivered | NotificationFailed) -> Telling:
    message = pending_at(telling, fact.fact_id, fact.endpoint_id)
    if message is None:
        return telling
    failed = isinstance(fact, NotificationFailed)
    ended = Finished(
        number=message.number,
        endpoint_id=fact.endpoint_id,
        fact_id=fact.fact_id,
        fact_type=message.occurred.fact_type,
        fact_time=message.occurred.fact_time,
        attempts=fact.attempts,
        status=fact.status,
        reason=fact.reason if failed else None,
        at=fact.failed_at if failed else fact.delivered_at,
        replay=message.replay,
    )
    return msgspec.structs.replace(
        telling,
        pending=tuple(other for other in telling.pending if other is not message),
        finished=(*telling.finished, ended)[-_FINISHED_MAX:],
    )

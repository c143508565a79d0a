"""Where a command came from: what the envelopes of its facts say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from leadway.facts import Envelope
from leadway.stage._inputs import RequestInput, TimerInput


class Origin(NamedTuple):
    """`input_id` and `at` are what derived ids are made of: the same input gives the same ids again."""

    input_id: str
    at: datetime
    actor: str
    correlation: str | None
    traceparent: str | None


NOWHERE = Origin(input_id="", at=datetime.fromtimestamp(0, UTC), actor="", correlation=None, traceparent=None)


def of_fact(service: str, envelope: Envelope) -> Origin:
    """A consumed fact: the service acts, in the name of whatever began it all."""
    return Origin(envelope.id, envelope.time, f"service:{service}", envelope.correlation, envelope.traceparent)


def of_timer(service: str, item: TimerInput, correlation: str | None) -> Origin:
    """A due timer: it came about at its instant, however late it fires."""
    input_id = f"{item.subject}/{item.timer.name}/{item.timer.due_at.isoformat()}"
    return Origin(input_id, item.timer.due_at, f"service:{service}", correlation, None)


def of_request(item: RequestInput, now: datetime) -> Origin:
    """A request: an attempt of its own each time, by the caller."""
    request = item.request
    return Origin(item.attempt_id, now, request.actor, request.correlation, request.traceparent)

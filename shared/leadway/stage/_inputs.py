"""What enters a batch: requests, consumed facts and due timers, all on their way to becoming commands."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from leadway.eventlog import NewRecord, Partition
from leadway.facts import Envelope
from leadway.stage._asking import Answer, Request
from leadway.stage._declare import Timer
from leadway.stage._refusals import KeysMissing

TIMERS = "timers"  # the place of a parked timer names no topic of the log: it comes again by itself


class Place(NamedTuple):
    """Where a record lies on the log."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class FactInput:
    """A consumed fact, or the reason why it cannot be one. `subject` is None where no envelope could be read."""

    place: Place
    subject: str | None
    type: str
    envelope: Envelope | None
    error: str | None = None
    released: bool = False  # it comes from the parked list: its row there is closed by handling it


@dataclass(slots=True)
class RequestInput:
    """A command from outside, with the future that its caller awaits."""

    request: Request
    future: asyncio.Future[Answer]
    final: bool = False  # a refusal that rests on foreign facts may be given now
    attempt_id: str = ""


@dataclass(slots=True)
class TimerInput:
    """A timer that was found due; it counts only if the lead's state, once locked, still names it."""

    subject: str
    timer: Timer
    error: str | None = None  # the database takes nothing that comes of it: its lead is parked

    def as_parked(self) -> FactInput:
        """As the parked list shows it."""
        said = f"{self.subject}/{self.timer.name}/{self.timer.due_at.isoformat()}".encode()
        place = Place(TIMERS, 0, int.from_bytes(hashlib.sha256(said).digest()[:7]))
        return FactInput(place, self.subject, f"timer {self.timer.name}", None)


Input = FactInput | RequestInput | TimerInput


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a consumer's position and marks move with a batch."""

    partition: Partition
    old: int
    new: int
    marks: dict[str, int]


@dataclass(slots=True)
class Batch:
    """What is decided together, in one transaction."""

    inputs: list[Input]
    advances: tuple[Advance, ...] = ()  # how far the consumer gets by it; empty for requests and timers
    resends: list[Place] = field(default_factory=list[Place])
    shared_hint: frozenset[str] = frozenset()
    identity_hint: frozenset[str] = frozenset()
    subjects_hint: frozenset[str] = frozenset()

    def part(self, count: int) -> Batch:
        """Its first inputs alone, to be tried: nothing is consumed by it."""
        hints = (self.shared_hint, self.identity_hint, self.subjects_hint)
        return Batch(self.inputs[:count], (), [], *hints)

    def lock_too(self, missing: KeysMissing) -> None:
        """Name the rows that deciding missed. Raises RuntimeError where all of them were locked already."""
        before = (self.shared_hint, self.identity_hint, self.subjects_hint)
        self.shared_hint |= missing.shared
        self.identity_hint |= missing.identity
        self.subjects_hint |= missing.subjects
        if before == (self.shared_hint, self.identity_hint, self.subjects_hint):
            message = f"rows that cannot be locked are asked for: {missing}"
            raise RuntimeError(message)


class Stamped(NamedTuple):
    """A fact with its number, as it goes to the relay and on to the log."""

    partition: Partition
    sequence: int
    id: str
    subject: str
    record: NewRecord


@dataclass(slots=True)
class Outcome:
    """What a committed batch did."""

    facts: list[Stamped]
    next_timer_at: datetime | None = None
    parked: int = 0  # without the facts that only wait behind a parked one
    edited: bool = False  # catalog entries changed
    answers: list[tuple[asyncio.Future[Answer], Answer | Exception]] = field(
        default_factory=list[tuple[asyncio.Future[Answer], Answer | Exception]]
    )


def settle(future: asyncio.Future[Any], answer: Answer | Exception) -> None:
    """Give a caller its answer or its problem; a caller that went away gets nothing."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

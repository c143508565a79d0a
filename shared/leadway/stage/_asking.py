"""Commands from outside: what is asked of a stage, and what the caller gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadway.facts import CatalogFact, Envelope
from leadway.stage._declare import Around


@dataclass(frozen=True, slots=True)
class Edit:
    """A command on one of the service's own catalog entries, decided under the entry's lock.

    `change` gets the entry as it stands (None: there is none) and gives the whole new one, its `version` ignored;
    it may raise a Refusal. An unchanged document makes no fact. `if_match`: the version that the editor saw.
    """

    kind: type[CatalogFact]
    change: Callable[[Any], CatalogFact]
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An Idempotency-Key as sent, with the digest of the body that came with it."""

    caller: str
    method: str
    path: str
    key: str
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller of a command gets: stored with its Idempotency-Key. `body` is JSON-able (or a msgspec struct)."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a command, for `respond`: the facts with their envelopes, and the state after them."""

    subject: str
    command: Any
    facts: tuple[Envelope, ...]
    state: Any
    around: Around


def _accepted(_: Decided) -> Answer:
    return Answer(status=202, body={})


@dataclass(frozen=True, slots=True)
class Request:
    """A command from outside. `respond` is pure: it makes the answer that is stored and sent."""

    command: Any
    subject: str
    actor: str
    respond: Callable[[Decided], Answer] = _accepted
    idempotency: IdempotencyKey | None = None
    traceparent: str | None = None
    correlation: str | None = None
    fresh: bool = False
    """`subject` was drawn for this request and nobody else can know it yet: its row needs no lock."""
    secrets: Callable[[Answer], Answer] | None = None
    """Applied to the answer after it was stored, at each answering: secrets are derived again, never kept."""
    informed: bool = False
    """It rests on no other service having said anything against it: the lead's partition is read to its head first."""
    patient: bool = False
    """Nobody waits for the answer: it may take a moment in which others come that share the transaction."""

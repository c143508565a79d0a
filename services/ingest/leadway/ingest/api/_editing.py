"""Editing catalog entries: what the routes of all of them share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from leadway.ids import derive, draw
from leadway.ingest.gather import EPOCH
from leadway.stage import Answer, Decided, Edit, Request
from leadway.web import Asked, etag

Code = Annotated[str, Field(min_length=1, max_length=120)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def new_id(prefix: str, asked: Asked) -> str:
    """An id for what is created: the same one again under the same Idempotency-Key, where it has no time of its own."""
    key = asked.idempotency
    if key is None:
        return draw(prefix)
    return derive(prefix, EPOCH, key.caller, key.path, key.key, key.body_digest.hex())


def edit(
    kind: type[Any],
    entity_id: str,
    change: Any,
    *,
    asked: Asked,
    out: Any,
    status: int = 200,
    secrets_of: Any = None,
) -> Request:
    """A request to change one catalog entry, answered with what `out` makes of it and its ETag."""

    def respond(decided: Decided) -> Answer:
        return Answer(status, out(decided.state), {"ETag": etag(decided.state.version)})

    return Request(
        Edit(kind, change, asked.if_match),
        entity_id,
        asked.caller.actor,
        respond=respond,
        idempotency=asked.idempotency,
        traceparent=asked.traceparent,
        secrets=secrets_of,
    )

"""Editing catalog entries: what the routes of all of them share."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Final

from pydantic import Field

from leadway.decider import Fault
from leadway.facts.router import PartnerChanged
from leadway.ids import derive, draw
from leadway.ingest.gather import EPOCH
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, etag

_PARTNER_WAIT_SECONDS: Final = 3.0
Code = Annotated[str, Field(min_length=1, max_length=120)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def new_id(prefix: str, asked: Asked) -> str:
    """An id for what is created: the same one again under the same Idempotency-Key, where it has no time of its own."""
    key = asked.idempotency
    if key is None:
        return draw(prefix)
    return derive(prefix, EPOCH, key.caller, key.path, key.key, key.body_digest.hex())


async def partner_faults(runtime: StageRuntime, partner_id: str | None) -> list[Fault]:
    """What is wrong with the partner that a body names (None: it names none).

    A partner that was made a moment ago may still be on its way here, so one that is not known is waited for a little.
    """
    deadline = time.monotonic() + _PARTNER_WAIT_SECONDS
    while partner_id is not None and (await runtime.catalogs()).get(PartnerChanged, partner_id) is None:
        if time.monotonic() > deadline:
            return [Fault("#/partner_id", "is no partner that is known here")]
        await asyncio.sleep(0.05)
    return []


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

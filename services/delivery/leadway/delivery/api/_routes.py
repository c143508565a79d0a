"""The routes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Response

from leadway import ids
from leadway.clock import Clock
from leadway.decider import Fault, Forbidden, InvalidRequest
from leadway.delivery import store
from leadway.delivery.api._desk import Desk, sees
from leadway.delivery.api._models import (
    Delivery,
    Endpoint,
    EndpointIn,
    EndpointPatch,
    Replayed,
    ReplayIn,
    Tested,
    delivery_body,
    endpoint_body,
)
from leadway.delivery.decider import Replay
from leadway.delivery.policy import Answered, message_id
from leadway.delivery.settings import Settings
from leadway.delivery.worker import Sender, signed_headers, test_message
from leadway.facts.delivery import EndpointChanged
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, Caller, Page, PageParams, asking, etag, page_params, reply, require

_REPLAY_LEADS_MAX: Final = 2000
_REPLAY_AT_ONCE: Final = 100


def routes(runtime: StageRuntime, key: bytes, settings: Settings, clock: Clock) -> APIRouter:
    """The routes of delivery; `key` is what endpoints' secrets derive from."""
    desk = Desk(runtime, key, settings, clock)
    router = APIRouter(prefix="/delivery/v1/endpoints", tags=["endpoints"])
    _making(router, desk)
    _editing(router, desk)
    _reading(router, desk)
    _sending(router, desk)
    return router


def _making(router: APIRouter, desk: Desk) -> None:
    @router.post("", status_code=201, response_model=Endpoint)
    async def create(body: EndpointIn, asked: Annotated[Asked, asking("admin", "partner")]) -> Response:
        """Make an endpoint. Its secret is in this answer and in no other."""
        partner_id = _partner_of(asked.caller, body.partner_id)
        await desk.check(body.url, body.types)
        if partner_id is not None and asked.caller.role == "admin":
            await desk.check_partner(partner_id)
        new = EndpointChanged(
            entity_id=ids.draw("end", desk.clock.now()),
            url=body.url,
            types=tuple(dict.fromkeys(body.types)),
            partner_id=partner_id,
            created_by=asked.caller.actor,
        )
        request = Request(
            command=Edit(kind=EndpointChanged, change=lambda _: new),
            subject=new.entity_id,
            actor=asked.caller.actor,
            respond=lambda decided: _shown(decided, 201),
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
            fresh=True,
            secrets=desk.with_secret,
        )
        return reply(await desk.runtime.execute(request))


def _editing(router: APIRouter, desk: Desk) -> None:
    @router.patch("/{endpoint_id}", response_model=Endpoint)
    async def change(
        endpoint_id: str, body: EndpointPatch, asked: Annotated[Asked, asking("admin", "partner")]
    ) -> Response:
        """Change an endpoint; `status: active` also ends a rest or a disablement at once."""
        await desk.endpoint(endpoint_id, asked.caller)
        await desk.check(body.url, body.types)
        answer = await desk.edit(
            asked,
            endpoint_id,
            lambda held: _patched(held, body),
            lambda decided: _shown(decided, 200),
            desk.with_secret if body.rotate_secret else None,
        )
        if body.status == "active":
            await store.well(desk.runtime, endpoint_id, was_down=True)
        return answer

    @router.delete("/{endpoint_id}", status_code=204)
    async def delete(endpoint_id: str, asked: Annotated[Asked, asking("admin", "partner")]) -> Response:
        """Remove an endpoint; what waits for it is given up."""
        return await desk.edit(
            asked,
            endpoint_id,
            lambda held: msgspec.structs.replace(held, status="deleted", status_reason=None),
            lambda _: Answer(204),
        )


def _reading(router: APIRouter, desk: Desk) -> None:
    @router.get("", response_model=Page[Endpoint])
    async def listed(
        caller: Annotated[Caller, require("admin", "partner")],
        paging: Annotated[PageParams, Depends(page_params)],
    ) -> Page[dict[str, Any]]:
        """The caller's endpoints; an admin's list holds them all."""
        held = (await desk.runtime.catalogs()).all(EndpointChanged)
        after = paging.starting_after or ""
        mine = [held[one] for one in sorted(held) if one > after and sees(held[one], caller)]
        return paging.page([endpoint_body(one) for one in mine[: paging.fetch]])

    @router.get("/{endpoint_id}", response_model=Endpoint)
    async def one(endpoint_id: str, caller: Annotated[Caller, require("admin", "partner")]) -> Response:
        """An endpoint, without its secret."""
        held = await desk.endpoint(endpoint_id, caller)
        return reply(Answer(200, endpoint_body(held), {"ETag": etag(held.version)}))

    @router.get("/{endpoint_id}/deliveries", response_model=Page[Delivery])
    async def messages(
        endpoint_id: str,
        caller: Annotated[Caller, require("admin", "partner")],
        paging: Annotated[PageParams, Depends(page_params)],
    ) -> Page[dict[str, Any]]:
        """The endpoint's messages, newest fact first: what waits, and the last ones that were taken or given up."""
        await desk.endpoint(endpoint_id, caller)
        rows = await store.deliveries(
            desk.runtime, endpoint_id, after=_place(paging.starting_after), limit=paging.fetch
        )
        return paging.page([delivery_body(endpoint_id, row) for row in rows])


def _sending(router: APIRouter, desk: Desk) -> None:
    @router.post("/{endpoint_id}/replay", status_code=202, response_model=Replayed)
    async def replay(
        endpoint_id: str, body: ReplayIn, asked: Annotated[Asked, asking("admin", "partner")]
    ) -> dict[str, Any]:
        """Tell the endpoint again what it could see since an instant: the last facts of each lead, in order."""
        endpoint = await desk.endpoint(endpoint_id, asked.caller)
        found = await store.active_leads(
            desk.runtime,
            partner_id=endpoint.partner_id,
            since=body.since,
            after=body.starting_after,
            limit=_REPLAY_LEADS_MAX + 1,
        )
        leads, more = found[:_REPLAY_LEADS_MAX], len(found) > _REPLAY_LEADS_MAX
        for first in range(0, len(leads), _REPLAY_AT_ONCE):
            some = leads[first : first + _REPLAY_AT_ONCE]
            await asyncio.gather(*[_replay(desk, endpoint_id, lead_id, body.since, asked) for lead_id in some])
        return {"leads": len(leads), "has_more": more, "starting_after": leads[-1] if more else None}

    @router.post("/{endpoint_id}/test", response_model=Tested)
    async def test(endpoint_id: str, caller: Annotated[Caller, require("admin", "partner")]) -> dict[str, Any]:
        """Send a signed message of type `endpoint.test` now, once, and say what came of it."""
        endpoint = await desk.endpoint(endpoint_id, caller)
        now = desk.clock.now()
        body = test_message(endpoint, now)
        webhook_id = message_id(ids.draw("test", now), now, endpoint_id)
        headers = signed_headers(desk.key, endpoint, webhook_id, now, body)
        began = time.monotonic()
        async with Sender(desk.settings.allowed, desk.settings.limits) as sender:
            outcome = await sender.send(endpoint.url, headers, body)
        took = round((time.monotonic() - began) * 1000)
        if isinstance(outcome, Answered):
            fine = 200 <= outcome.status < 300  # noqa: PLR2004 what every HTTP client calls success
            return {"delivered": fine, "status": outcome.status, "reason": None, "duration_ms": took}
        return {"delivered": False, "status": None, "reason": outcome.reason, "duration_ms": took}


async def _replay(desk: Desk, endpoint_id: str, lead_id: str, since: datetime, asked: Asked) -> None:
    # One key for each lead, so that a replay that was sent again tells each lead once.
    key = asked.idempotency and replace(asked.idempotency, path=f"{asked.idempotency.path}/{lead_id}")
    command = Replay(lead_id=lead_id, endpoint_id=endpoint_id, since=since)
    await desk.runtime.execute(
        Request(
            command=command,
            subject=lead_id,
            actor=asked.caller.actor,
            idempotency=key,
            traceparent=asked.traceparent,
        )
    )


def _partner_of(caller: Caller, named: str | None) -> str | None:
    if caller.role != "partner":
        return named
    if named is not None and named != caller.partner_id:
        raise Forbidden("A partner's endpoints are its own.")
    return caller.partner_id


def _patched(held: EndpointChanged, patch: EndpointPatch) -> EndpointChanged:
    changes: dict[str, Any] = {}
    if patch.url is not None:
        changes["url"] = patch.url
    if patch.types is not None:
        changes["types"] = tuple(dict.fromkeys(patch.types))
    if patch.status is not None:
        changes |= {"status": patch.status, "status_reason": None if patch.status == "active" else "asked"}
    if patch.rotate_secret:
        changes["generation"] = held.generation + 1
    return msgspec.structs.replace(held, **changes)


def _shown(decided: Decided, status: int) -> Answer:
    endpoint: EndpointChanged = decided.state
    headers = {"ETag": etag(endpoint.version), "Location": f"/delivery/v1/endpoints/{endpoint.entity_id}"}
    return Answer(status, endpoint_body(endpoint), headers)


def _place(starting_after: str | None) -> tuple[str, int] | None:
    if starting_after is None:
        return None
    lead_id, _, number = starting_after.rpartition(".")
    if not lead_id or not number.isascii() or not number.isdigit():
        raise InvalidRequest("", [Fault("query:starting_after", "is the id of a delivery")])
    return lead_id, int(number[:18])

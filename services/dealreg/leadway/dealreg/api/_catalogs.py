"""The routes of dealreg's catalogs: the pipeline's stages, and how long registrations are protected."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Response
from pydantic import TypeAdapter

from leadway.dealreg.api._answers import Protection, Stages
from leadway.dealreg.api._bodies import ProtectionBody, StagesBody
from leadway.dealreg.store import PROTECTION_ID, STAGES_ID, protection, stages
from leadway.facts import CatalogFact
from leadway.facts.dealreg import ProtectionChanged, StagesChanged
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, asking, etag, json_response, reply, require

_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def catalog_routes(runtime: StageRuntime) -> APIRouter:
    """The routes on catalogs."""
    router = APIRouter(prefix="/dealreg/v1", tags=["catalogs"])

    @router.get("/stages", response_model=Stages, dependencies=[require("admin", "cam", "partner")])
    async def read_stages() -> Response:
        """The pipeline's stages; version 0 is the built-in one: new, contacted, qualified, proposal, negotiation."""
        held = stages(await runtime.catalogs())
        return json_response(_stages(held), headers={"ETag": etag(held.version)})

    @router.put("/stages", response_model=Stages)
    async def put_stages(body: StagesBody, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Put the whole pipeline. Leads keep the stage that they are in, also where it is gone."""
        changed = StagesChanged(entity_id=STAGES_ID, stages=tuple(body.stages))
        return reply(await runtime.execute(_edit(asked, changed)))

    @router.get("/protection", response_model=Protection, dependencies=[require("admin", "cam", "partner")])
    async def read_protection() -> Response:
        """How long an approved registration is protected; version 0 is the built-in one: 90 days."""
        held = protection(await runtime.catalogs())
        return json_response(_protection(held), headers={"ETag": etag(held.version)})

    @router.put("/protection", response_model=Protection)
    async def put_protection(body: ProtectionBody, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Put the protection. Registrations that were approved before keep the end that they were given."""
        seconds = int(body.protect_for.total_seconds())
        changed = ProtectionChanged(entity_id=PROTECTION_ID, protect_for_seconds=max(1, seconds))
        return reply(await runtime.execute(_edit(asked, changed)))

    return router


def _edit(asked: Asked, changed: CatalogFact) -> Request:
    return Request(
        command=Edit(type(changed), lambda _: changed, if_match=asked.if_match),
        subject=changed.entity_id,
        actor=asked.caller.actor,
        respond=_put,
        idempotency=asked.idempotency,
        traceparent=asked.traceparent,
    )


def _put(decided: Decided) -> Answer:
    held = cast("StagesChanged | ProtectionChanged", decided.state)
    body = _stages(held) if isinstance(held, StagesChanged) else _protection(held)
    return Answer(200, body, {"ETag": etag(held.version)})


def _stages(held: StagesChanged) -> dict[str, object]:
    return {"stages": list(held.stages), "version": held.version}


def _protection(held: ProtectionChanged) -> dict[str, object]:
    within = timedelta(seconds=held.protect_for_seconds)
    return {"protect_for": _DURATION.dump_python(within, mode="json"), "version": held.version}

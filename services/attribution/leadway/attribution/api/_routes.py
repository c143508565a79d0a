"""The routes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from leadway.attribution import store
from leadway.attribution.api import _answers
from leadway.attribution.api._answers import ModelName
from leadway.attribution.api._chain import shown
from leadway.attribution.api._revenue import Asked, revenue
from leadway.attribution.policy import BadCursor, By, Period, read_cursor
from leadway.attribution.projection import Chain
from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.eventlog import EventLog
from leadway.facts import TOPICS
from leadway.facts.router import PartnerChanged
from leadway.facts.terms import Origin
from leadway.stage import Catalogs, StageRuntime
from leadway.web import (
    NDJSON_MEDIA_TYPE,
    SSE_MEDIA_TYPE,
    Caller,
    Instant,
    json_response,
    last_event_id,
    require,
    stream,
)

_WINDOW_MAX: Final = timedelta(days=36_600)
_STREAMED: Final = {
    NDJSON_MEDIA_TYPE: {"schema": _answers.ToldFact.model_json_schema()},
    SSE_MEDIA_TYPE: {"schema": {"type": "string"}},
}


class RevenueQuery(BaseModel):
    """The question, as query parameters. `window`: ISO 8601, back from the opportunity's opening, at most 100 years."""

    model_config = ConfigDict(extra="forbid")

    by: By = "campaign"
    model: ModelName = "linear"
    window: Annotated[timedelta, Field(gt=timedelta(0), le=_WINDOW_MAX)] | None = None
    origin: Origin | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None


class FactsQuery(BaseModel):
    """Which facts, as query parameters. `types`: separated by commas, with or without a version."""

    model_config = ConfigDict(extra="forbid")

    topic: Literal["lead-events", "catalog-events"] | None = None
    types: Annotated[str | None, Field(max_length=4000)] = None
    lead: Annotated[str | None, Field(max_length=200)] = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    follow: bool = False


def routes(runtime: StageRuntime, log: EventLog) -> APIRouter:
    """The routes of attribution."""
    router = APIRouter(prefix="/attribution/v1", tags=["attribution"])

    @router.get("/leads/{lead_id}", response_model=_answers.Chain)
    async def chain(lead_id: str, caller: Annotated[Caller, require("analyst", "cam", "admin")]) -> Response:
        """A lead's whole chain, from the campaign to the revenue; each step with its fact."""
        _, found = await runtime.lead_once_known(lead_id, _is_known)
        catalogs = await runtime.catalogs()
        if not isinstance(found, Chain) or found.began is None or not _may_see(caller, found, catalogs):
            raise NotFound
        return json_response(shown(lead_id, found, catalogs))

    @router.get("/revenue", response_model=_answers.Revenue)
    async def revenue_by(
        caller: Annotated[Caller, require("analyst", "cam", "admin", "partner")],
        query: Annotated[RevenueQuery, Query()],
    ) -> dict[str, Any]:
        """Revenue and credit by key, cut by the dates of bookings: `from` inclusive, `to` exclusive."""
        partners = _partners_of(caller, await runtime.catalogs())
        period = Period(query.since, query.until)
        asked = Asked(query.by, query.model, query.window, period, origin=query.origin, partners=partners)
        return {"by": query.by, "model": query.model, "rows": await revenue(runtime, asked)}

    _ = chain, revenue_by
    _streaming(router, runtime, log)
    return router


def _streaming(router: APIRouter, runtime: StageRuntime, log: EventLog) -> None:
    @router.get(
        "/facts",
        dependencies=[require("analyst", "admin")],
        response_class=Response,
        responses={200: {"content": _STREAMED}},
        response_description="A fact on each line; as server-sent events where the caller accepts those.",
    )
    async def facts(request: Request, query: Annotated[FactsQuery, Query()]) -> Response:
        """Every fact once, each lead in order, without personal data; goes on after Last-Event-ID."""
        wanted = store.Filter(
            topics=TOPICS if query.topic is None else (query.topic,),
            types=None if query.types is None else frozenset(query.types.split(",")),
            lead=query.lead,
            since=query.since,
        )
        cursor = _cursor(last_event_id(request))
        return stream(request, store.facts(runtime, log, wanted, cursor, follow=query.follow))

    _ = facts


def _is_known(_: object, chain: object) -> bool:
    return isinstance(chain, Chain) and chain.began is not None


def _cursor(word: str | None) -> Mapping[tuple[str, int], int]:
    if word is None:
        return {}
    try:
        return read_cursor(word)
    except BadCursor:
        raise InvalidRequest("", [Fault("header:Last-Event-ID", "is no id of this stream")]) from None


def _partners_of(caller: Caller, catalogs: Catalogs) -> list[str] | None:
    """The partners whose rows the caller sees; None: everybody's."""
    if caller.role == "partner":
        return [caller.partner_id or ""]
    if caller.role == "cam" and caller.scope == "assigned":
        return sorted(one for one, partner in catalogs.all(PartnerChanged).items() if partner.cam == caller.subject)
    return None


def _may_see(caller: Caller, chain: Chain, catalogs: Catalogs) -> bool:
    """A channel manager sees the leads of its partners, and those that no partner ever had."""
    mine = _partners_of(caller, catalogs)
    held = {hold.partner_id for hold in chain.assignments}
    return mine is None or not held or not held.isdisjoint(mine)

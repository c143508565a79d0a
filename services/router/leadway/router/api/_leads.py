"""Routes about leads: who has one, who may claim one, and what the caller does about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from leadway.facts.personal import Note, Sealed, seal
from leadway.router.api._answers import Decisions, Lead, ListedLead, PoolLead
from leadway.router.api._models import AssignBody, DeclineBody, NothingBody, RerouteBody, RetainBody
from leadway.router.api._views import Json, decisions_view, lead_view, pool_view
from leadway.router.decider import (
    Accept,
    AcceptDirect,
    AnyCommand,
    Assign,
    Claim,
    Decline,
    DeclineDirect,
    Pooled,
    Reroute,
    Retain,
    UnknownLead,
)
from leadway.router.store import claimable_ids, lead, lead_ids, lead_once_known, leads, network, open_leads
from leadway.stage import Answer, Decided, Request, StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Page,
    PageParams,
    asking,
    json_response,
    page_params,
    page_response,
    reply,
    require,
)

StateName = Literal["unrouted", "pooled", "assigned", "accepted", "retained", "unroutable", "closed"]
LeadId = Annotated[str, Path(pattern=r"^lead_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
Paging = Annotated[PageParams, Depends(page_params)]
PREFIX = "/router/v1"


def lead_routes(runtime: StageRuntime) -> APIRouter:
    """What anybody may do about a lead."""
    routes = APIRouter(prefix=PREFIX, tags=["leads"])
    _reading(routes, runtime)
    _partners(routes, runtime)
    _managers(routes, runtime)
    return routes


def _reading(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.get("/leads", response_model=Page[ListedLead])
    async def list_leads(
        caller: Annotated[Caller, require("partner", "cam", "admin")],
        paging: Paging,
        state: Annotated[StateName | None, Query()] = None,
        partner_id: Annotated[str | None, Query(max_length=40)] = None,
    ) -> Response:
        """Leads that were routed, or with `state=unrouted` those that were not yet, the youngest first.

        A partner sees those that it holds.
        """
        own = caller.partner_id if caller.role == "partner" else partner_id
        if caller.role == "partner" and partner_id not in (None, own):
            return page_response(paging.page([]))
        return page_response(await _listed(runtime, caller, paging, state, own))

    @routes.get("/leads/{lead_id}", response_model=Lead)
    async def get_lead(lead_id: LeadId, caller: Annotated[Caller, require("partner", "cam", "admin")]) -> Response:
        """Who has the lead, by which rule, and how it came there."""
        return json_response(await _seen(runtime, lead_id, caller))

    @routes.get("/leads/{lead_id}/decisions", response_model=Decisions)
    async def get_decisions(lead_id: LeadId, caller: Annotated[Caller, require("cam", "admin")]) -> Response:
        """How each routing was decided: the rule, who was eligible, why each other partner was not, the turn."""
        await _seen(runtime, lead_id, caller)
        state, _ = await lead(runtime, lead_id)
        return json_response(decisions_view(lead_id, state))

    @routes.get("/pool", response_model=Page[PoolLead])
    async def get_pool(caller: Annotated[Caller, require("partner")], paging: Paging) -> Response:
        """Leads that the partner may claim now."""
        return page_response(await _claimable(runtime, caller.partner_id or "", paging))


def _partners(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.post("/leads/{lead_id}/claim", response_model=Lead)
    async def claim(
        lead_id: LeadId, asked: Annotated[Asked, asking("partner")], _: NothingBody | None = None
    ) -> Response:
        """Take the lead out of the pool: the first claim gets it."""
        return await _asked(runtime, lead_id, asked, Claim(partner_id=asked.caller.partner_id or ""))

    @routes.post("/leads/{lead_id}/accept", response_model=Lead)
    async def accept(
        lead_id: LeadId, asked: Annotated[Asked, asking("partner", "cam", "admin")], _: NothingBody | None = None
    ) -> Response:
        """Take the lead on: the partner that holds it, or a channel manager where the vendor kept it."""
        caller = asked.caller
        if caller.role != "partner":
            return await _asked(runtime, lead_id, asked, AcceptDirect(cam=_cam(caller)))
        return await _asked(runtime, lead_id, asked, Accept(partner_id=caller.partner_id or ""))

    @routes.post("/leads/{lead_id}/decline", response_model=Lead)
    async def decline(
        lead_id: LeadId, body: DeclineBody, asked: Annotated[Asked, asking("partner", "cam", "admin")]
    ) -> Response:
        """Give the lead back, as its owner; it is routed again without this partner, or goes to review."""
        caller = asked.caller
        note = _sealed(body.note) if body.note else None
        command = (
            Decline(partner_id=caller.partner_id or "", reason=body.reason, note=note)
            if caller.role == "partner"
            else DeclineDirect(cam=_cam(caller), reason=body.reason, why=note)
        )
        return await _asked(runtime, lead_id, asked, command)


def _managers(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.post("/leads/{lead_id}/assign", response_model=Lead)
    async def assign(lead_id: LeadId, body: AssignBody, asked: Annotated[Asked, asking("cam", "admin")]) -> Response:
        """Give the lead to a partner, whoever has it."""
        command = Assign(partner_id=body.partner_id, cam=_cam(asked.caller), why=_sealed(body.reason))
        return await _asked(runtime, lead_id, asked, command)

    @routes.post("/leads/{lead_id}/retain", response_model=Lead)
    async def retain(lead_id: LeadId, body: RetainBody, asked: Annotated[Asked, asking("cam", "admin")]) -> Response:
        """Keep the lead in a queue of the vendor."""
        command = Retain(queue=body.queue, cam=_cam(asked.caller), why=_sealed(body.reason))
        return await _asked(runtime, lead_id, asked, command)

    @routes.post("/leads/{lead_id}/reroute", response_model=Lead)
    async def reroute(lead_id: LeadId, body: RerouteBody, asked: Annotated[Asked, asking("cam", "admin")]) -> Response:
        """Have the lead routed again."""
        command = Reroute(allow_again=body.allow_again, cam=_cam(asked.caller), why=_sealed(body.reason))
        return await _asked(runtime, lead_id, asked, command)


async def _asked(runtime: StageRuntime, lead_id: str, asked: Asked, command: AnyCommand) -> Response:
    caller = asked.caller

    def respond(decided: Decided) -> Answer:
        managed = network(decided.around.catalogs).partners.managed_by(caller.subject)
        try:
            body = lead_view(lead_id, decided.state, decided.around.mirror, caller, managed)
        except UnknownLead:
            # What was decided took the lead out of the caller's sight: that it was done is all that is to be said.
            body = {"lead_id": lead_id}
        return Answer(status=200, body=body)

    answer = await runtime.execute(
        Request(
            command=command,
            subject=lead_id,
            actor=caller.actor,
            respond=respond,
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
            # What a manager may do to a held lead hangs on there being no approved deal, which dealreg says.
            informed=isinstance(command, Assign | Retain | Reroute),
        )
    )
    return reply(answer)


async def _seen(runtime: StageRuntime, lead_id: str, caller: Caller) -> Json:
    state, interest = await lead_once_known(runtime, lead_id)
    return lead_view(lead_id, state, interest, caller, await _managed(runtime, caller))


async def _managed(runtime: StageRuntime, caller: Caller) -> Collection[str]:
    if caller.role != "cam" or caller.scope != "assigned":
        return ()
    return network(await runtime.catalogs()).partners.managed_by(caller.subject)


async def _listed(
    runtime: StageRuntime, caller: Caller, paging: PageParams, state: str | None, partner_id: str | None
) -> Page[Json]:
    """A page of the leads that the caller may see; reads on past those that it may not."""
    managed = await _managed(runtime, caller)
    found: list[Json] = []
    after = paging.starting_after
    while len(found) < paging.fetch:
        ids: Sequence[str] = await lead_ids(
            runtime, fetch=paging.fetch, after=after, state=state, partner_id=partner_id
        )
        for lead_id, current, interest in await leads(runtime, ids):
            try:
                view = lead_view(lead_id, current, interest, caller, managed)
            except UnknownLead:
                continue
            view.pop("history", None)
            found.append(view)
        if len(ids) < paging.fetch:
            break
        after = ids[-1]
    return paging.page(found)


async def _claimable(runtime: StageRuntime, partner_id: str, paging: PageParams) -> Page[Json]:
    partner = network(await runtime.catalogs()).partners.get(partner_id)
    if partner is None or partner.status != "active":
        return paging.page([])
    most = partner.open_leads_max
    if most is not None and await open_leads(runtime, partner_id) >= most:
        return paging.page([])
    found: list[Json] = []
    after = paging.starting_after
    while len(found) < paging.fetch:
        ids = await claimable_ids(runtime, partner_id, fetch=paging.fetch, after=after)
        for lead_id, state, interest in await leads(runtime, ids):
            if isinstance(state, Pooled) and partner_id in state.eligible and interest.sharing is not False:
                found.append(pool_view(lead_id, state, interest))
        if len(ids) < paging.fetch:
            break
        after = ids[-1]
    return paging.page(found)


def _cam(caller: Caller) -> str | None:
    return caller.subject if caller.role == "cam" and caller.scope == "assigned" else None


def _sealed(text: str) -> Sealed:
    return seal(Note(text=text))

"""The routes of a holder's work on a lead."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Response

from leadway.dealreg.api._answers import Activity, Deal, LeadEnd, LeadStage, Opportunity, WorkingLead
from leadway.dealreg.api._asking import by_of, deal_answer, request
from leadway.dealreg.api._bodies import (
    ActivityBody,
    CloseBody,
    DealBody,
    OpportunityBody,
    ReasonBody,
    StageBody,
    named,
    product,
    said,
    why,
)
from leadway.dealreg.api._documents import activity_document, lead_document, opportunity_document
from leadway.dealreg.decider.commands import (
    ChangeStage,
    CloseLead,
    FormerHolder,
    LogActivity,
    OpenOpportunity,
    RegisterDeal,
    ReopenLead,
    Stranger,
)
from leadway.dealreg.decider.refusals import HoldEnded, UnknownLead
from leadway.dealreg.decider.state import Closed, State
from leadway.dealreg.store import LeadSeen, cam_of, seat_of
from leadway.stage import Answer, Decided, StageRuntime
from leadway.web import Asked, Caller, asking, json_response, reply, require

_ID_CHARACTERS_MAX: Final = 100
LeadId = Annotated[str, Path(max_length=_ID_CHARACTERS_MAX, pattern=r"^[a-z0-9_]+$")]
Owner = Annotated[Asked, asking("partner", "cam", "admin")]


def lead_routes(runtime: StageRuntime) -> APIRouter:
    """The routes on a lead."""
    router = APIRouter(prefix="/dealreg/v1/leads/{lead_id}", tags=["leads"])
    _work(router, runtime)
    _prospects(router, runtime)
    _ends(router, runtime)

    @router.get("", response_model=WorkingLead)
    async def read_lead(lead_id: LeadId, caller: Annotated[Caller, require("partner", "cam", "admin")]) -> Response:
        """The working lead, for its holder and for channel managers. A former holder learns that its hold ended."""
        by, cam = by_of(caller), partial(cam_of, await runtime.catalogs())

        def seated(state: State, seen: LeadSeen) -> bool:
            return not isinstance(seat_of(by, seen, state, cam), Stranger)

        # Whoever got the lead a moment ago may ask before that was heard of here.
        state, seen = cast("tuple[State, LeadSeen]", await runtime.lead_once_known(lead_id, seated))
        seat = seat_of(by, seen, state, cam)
        if isinstance(seat, Stranger):
            raise UnknownLead
        if isinstance(seat, FormerHolder):
            raise HoldEnded(f"The hold ended: {seat.how}.", how=seat.how)
        return json_response(lead_document(lead_id, state, seen, by, seat))

    return router


def _work(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/activities", status_code=201, response_model=Activity)
    async def log_activity(lead_id: LeadId, body: ActivityBody, asked: Owner) -> Response:
        """Log what was done for the lead. The first attempt to reach the customer meets the first_contact deadline."""
        command = LogActivity(
            by=by_of(asked.caller),
            assignment_id=body.assignment_id,
            kind=body.kind,
            outcome=body.outcome,
            occurred_at=body.occurred_at,
            personal=said(body.note),
        )
        return reply(await runtime.execute(request(asked, lead_id, command, _activity_logged)))

    @router.post("/stage", response_model=LeadStage)
    async def change_stage(lead_id: LeadId, body: StageBody, asked: Owner) -> Response:
        """Move the lead to a stage of the pipeline, either way."""
        command = ChangeStage(by=by_of(asked.caller), assignment_id=body.assignment_id, stage=body.stage)
        return reply(await runtime.execute(request(asked, lead_id, command, _stage_changed)))


def _prospects(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/opportunities", status_code=201, response_model=Opportunity)
    async def open_opportunity(lead_id: LeadId, body: OpportunityBody, asked: Owner) -> Response:
        """Expect an amount."""
        command = OpenOpportunity(
            by=by_of(asked.caller),
            assignment_id=body.assignment_id,
            amount=body.amount.money(),
            expected_close=body.expected_close,
            product=product(body.product),
            personal=named(body.name),
        )
        return reply(await runtime.execute(request(asked, lead_id, command, _opportunity_opened)))

    @router.post("/deals", status_code=201, response_model=Deal)
    async def register_deal(lead_id: LeadId, body: DealBody, asked: Owner) -> Response:
        """Register a deal: it inherits the lead's company, person, campaign, product, and its opportunity's amount."""
        command = RegisterDeal(
            by=by_of(asked.caller),
            assignment_id=body.assignment_id,
            opportunity_id=body.opportunity_id,
            amount=body.amount.money() if body.amount else None,
            personal=named(body.name),
        )
        return reply(await runtime.execute(request(asked, lead_id, command, deal_registered)))


def _ends(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/close", response_model=LeadEnd)
    async def close_lead(lead_id: LeadId, body: CloseBody, asked: Owner) -> Response:
        """End the work on a lead without open deals."""
        command = CloseLead(
            by=by_of(asked.caller),
            assignment_id=body.assignment_id,
            outcome=body.outcome,
            personal=said(body.reason),
        )
        return reply(await runtime.execute(request(asked, lead_id, command, _ended)))

    @router.post("/reopen", response_model=LeadEnd)
    async def reopen_lead(
        lead_id: LeadId, body: ReasonBody, asked: Annotated[Asked, asking("cam", "admin")]
    ) -> Response:
        """Open a closed lead again; the router then routes it anew."""
        command = ReopenLead(by=by_of(asked.caller), personal=why(body.reason))
        return reply(await runtime.execute(request(asked, lead_id, command, _ended)))


def deal_registered(decided: Decided) -> Answer:
    """The deal that a registration made."""
    return deal_answer(decided, cast("RegisterDeal", decided.command).deal_id, 201)


def _activity_logged(decided: Decided) -> Answer:
    work = cast("State", decided.state).work
    activity_id = cast("LogActivity", decided.command).activity_id
    activity = next(each for each in work.activities if each.activity_id == activity_id)
    return Answer(201, {"lead_id": decided.subject, **activity_document(activity)})


def _stage_changed(decided: Decided) -> Answer:
    return Answer(200, {"lead_id": decided.subject, "stage": cast("State", decided.state).work.stage})


def _opportunity_opened(decided: Decided) -> Answer:
    work = cast("State", decided.state).work
    opportunity_id = cast("OpenOpportunity", decided.command).opportunity_id
    opportunity = next(each for each in work.opportunities if each.opportunity_id == opportunity_id)
    return Answer(201, {"lead_id": decided.subject, **opportunity_document(opportunity)})


def _ended(decided: Decided) -> Answer:
    state = cast("State", decided.state)
    if isinstance(state, Closed):
        return Answer(200, {"lead_id": decided.subject, "state": "closed", "outcome": state.outcome})
    return Answer(200, {"lead_id": decided.subject, "state": "open"})

"""Scoring's routes: the model, and the score of a lead as of now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field

from leadway.clock import Clock
from leadway.decider import NotFound
from leadway.facts.scoring import ModelChanged
from leadway.scoring.decider import Disqualified, Open, Qualified, State, Unscored
from leadway.scoring.policy import DEFAULT_DOCUMENT, ENGAGEMENT, FIT, VERDICT, current, half_life_seconds, tally
from leadway.scoring.store import MODEL_ID
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Command,
    asking,
    check_sees_every_lead,
    condition,
    etag,
    json_response,
    reply,
    require,
)

LINES_MAX: Final = 50
POINTS_MAX: Final = 1_000_000


def _half_life(text: str) -> str:
    half_life_seconds(text)
    return text


Label = Annotated[str, Field(min_length=1, max_length=120)]
Points = Annotated[float, Field(ge=-POINTS_MAX, le=POINTS_MAX)]


class FitLine(Command):
    """Points for what a lead is."""

    when: Annotated[dict[str, Any], condition(FIT)]
    points: Points
    label: Label


class EngagementLine(Command):
    """Points for what the prospect does; half of them after each `half_life` (ISO 8601, such as `P14D`).

    `max`: what all points under this label count for at most, at any time.
    """

    when: Annotated[dict[str, Any], condition(ENGAGEMENT)]
    points: Points
    half_life: Annotated[str, AfterValidator(_half_life)]
    max: Annotated[float, Field(gt=0, le=POINTS_MAX)] | None = None
    label: Label


class QualifyLine(Command):
    """When a lead is ready for a partner."""

    when: Annotated[dict[str, Any], condition(VERDICT)]
    label: Label


class DisqualifyLine(Command):
    """When a lead is left out, and why."""

    when: Annotated[dict[str, Any], condition(VERDICT)]
    reason: Label


class ModelBody(Command):
    """A scoring model. A lead is qualified by the first `qualify` line that holds, if no `disqualify` line does."""

    fit: Annotated[list[FitLine], Field(default_factory=list[FitLine], max_length=LINES_MAX)]
    engagement: Annotated[list[EngagementLine], Field(default_factory=list[EngagementLine], max_length=LINES_MAX)]
    qualify: Annotated[list[QualifyLine], Field(default_factory=list[QualifyLine], max_length=LINES_MAX)]
    disqualify: Annotated[list[DisqualifyLine], Field(default_factory=list[DisqualifyLine], max_length=LINES_MAX)]


class ContributionBody(BaseModel):
    """What one line of the model gives now, after decay and within its label's cap.

    `touches`: more than one where older touches were added up; `from_fact` and `occurred_at` are then the newest one's.
    """

    label: str
    points: float
    from_fact: str
    occurred_at: datetime | None = None
    touches: int = 1


class LeadScoreBody(BaseModel):
    """A lead's score as of `as_of`. `status`: open, qualified or disqualified (`reason` says why), an open set."""

    lead_id: str
    score: float
    fit: float
    engagement: float
    as_of: datetime
    status: str
    reason: str | None = None
    model_version: int
    contributions: list[ContributionBody]


def routes(runtime: StageRuntime, clock: Clock) -> APIRouter:
    """The routes of a running stage."""
    router = APIRouter(prefix="/scoring/v1", tags=["scoring"])

    @router.get("/model", response_model=ModelBody, dependencies=[require("admin")])
    async def read_model() -> Response:
        """The model in force, its version as ETag. Version 0 is the built-in one."""
        put = (await runtime.catalogs()).get(ModelChanged, MODEL_ID)
        document, version = (DEFAULT_DOCUMENT, 0) if put is None else (put.document, put.version)
        return json_response(document, headers={"ETag": etag(version)})

    @router.put("/model", response_model=ModelBody)
    async def put_model(body: ModelBody, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Put a whole model. It scores each lead from its next touch on; points earned before stay as they were."""
        document: dict[str, object] = body.model_dump(mode="json", exclude_none=True)
        changed = ModelChanged(entity_id=MODEL_ID, document=document)
        request = Request(
            command=Edit(ModelChanged, lambda _: changed, if_match=asked.if_match),
            subject=MODEL_ID,
            actor=asked.caller.actor,
            respond=_model_put,
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
        )
        return reply(await runtime.execute(request))

    @router.get("/leads/{lead_id}", response_model=LeadScoreBody)
    async def read_lead(lead_id: str, caller: Annotated[Caller, require("admin", "cam", "analyst")]) -> Response:
        """A lead's score as of now, and all that it is made of; not for a cam of scope `assigned`."""
        check_sees_every_lead(caller)
        state: State
        state, _ = await runtime.lead_once_known(lead_id, lambda state, _: not isinstance(state, Unscored))
        return json_response(lead_score(lead_id, state, clock.now()))

    return router


def lead_score(lead_id: str, state: State, now: datetime) -> Mapping[str, object]:
    """What a lead's score is made of, as of `now`. Raises NotFound where it was never scored."""
    if isinstance(state, Unscored):
        raise NotFound("No lead of this id was scored.")
    standing = state.standing
    as_of = max(now, standing.as_of)
    sums = tally(standing.contributions, as_of)
    body = LeadScoreBody(
        lead_id=lead_id,
        score=sums.score,
        fit=sums.fit,
        engagement=sums.engagement,
        as_of=as_of,
        status=_status(state),
        reason=state.reason if isinstance(state, Disqualified) else None,
        model_version=standing.model_version,
        contributions=[
            ContributionBody(
                label=each.label,
                points=points,
                from_fact=each.from_fact,
                occurred_at=each.occurred_at,
                touches=each.touches,
            )
            for each, points in current(standing.contributions, as_of)
        ],
    )
    return body.model_dump(mode="json", exclude_none=True)


def _status(state: Open | Qualified | Disqualified) -> str:
    match state:
        case Open():
            return "open"
        case Qualified():
            return "qualified"
        case Disqualified():
            return "disqualified"


def _model_put(decided: Decided) -> Answer:
    model: ModelChanged = decided.state
    return Answer(200, model.document, {"ETag": etag(model.version)})

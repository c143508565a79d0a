"""sla-timer's routes: the policies, and the clocks of a lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field

from leadway.decider import NotFound
from leadway.facts.router import PartnerChanged
from leadway.facts.sla_timer import ClockPolicy, PoliciesChanged, Policy
from leadway.sla_timer.decider import Awaiting, Breached, Clocks, Ended, Met, Running, Stopped
from leadway.sla_timer.policy import DEFAULT_POLICIES, HOLD, duration_seconds, duration_text
from leadway.sla_timer.store import POLICIES_ID, Holder, Lead
from leadway.stage import Answer, Catalogs, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, Caller, Command, asking, condition, etag, json_response, reply, require

POLICIES_MAX: Final = 50
REMINDERS_MAX: Final = 10
WITHIN_SECONDS_MAX: Final = 366 * 86_400


def _within(text: str) -> str:
    if duration_seconds(text) > WITHIN_SECONDS_MAX:
        raise ValueError("must be a year at most")
    return text


def _ascending(shares: list[float]) -> list[float]:
    if any(later <= earlier for earlier, later in pairwise(shares)):
        raise ValueError("must ascend, each share once")
    return shares


class ClockBody(Command):
    """One deadline: `within` (ISO 8601, such as `PT4H`) from the start of the hold.

    `remind_at`: shares of the time, ascending, between 0 and 1. `on_breach`: `reclaim` takes the lead back, `alert`
    only says it.
    """

    clock: Literal["accept", "first_contact"]
    within: Annotated[str, AfterValidator(_within)]
    remind_at: Annotated[
        list[Annotated[float, Field(gt=0, lt=1)]],
        Field(default_factory=list[float], max_length=REMINDERS_MAX),
        AfterValidator(_ascending),
    ]
    on_breach: Literal["reclaim", "alert"] = "reclaim"


def _once_each(clocks: list[ClockBody]) -> list[ClockBody]:
    if len({clock.clock for clock in clocks}) < len(clocks):
        raise ValueError("must name each clock once")
    return clocks


class PolicyBody(Command):
    """Clocks for the holds for which `when` holds; without clocks, those holds run against no deadline."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    when: Annotated[dict[str, Any], condition(HOLD), Field(default_factory=dict[str, Any])]
    clocks: Annotated[list[ClockBody], Field(default_factory=list[ClockBody]), AfterValidator(_once_each)]


def _named_once(policies: list[PolicyBody]) -> list[PolicyBody]:
    if len({policy.name for policy in policies}) < len(policies):
        raise ValueError("must have a name of its own for each policy")
    return policies


class PoliciesBody(Command):
    """The policies in their order: the first one that matches applies, none where none does."""

    policies: Annotated[list[PolicyBody], Field(max_length=POLICIES_MAX), AfterValidator(_named_once)]


class ReminderBody(BaseModel):
    """A planned reminder; without `sent_at` it was not sent (yet, or because a later one overtook it)."""

    at: datetime
    sent_at: datetime | None = None


class LeadClockBody(BaseModel):
    """A clock of an assignment or of a stay in a pool (clock `claim`). `status`: running, met, breached or stopped."""

    clock: str
    assignment_id: str | None = None
    pooling_id: str | None = None
    policy: str
    policy_version: int
    started_at: datetime
    due_at: datetime
    reminders: list[ReminderBody]
    on_breach: str
    status: str
    met_at: datetime | None = None
    stopped_by: str | None = None


class LeadClocksBody(BaseModel):
    """A lead's clocks, by their start: all that run, and the newest of those that ended."""

    clocks: list[LeadClockBody]


def routes(runtime: StageRuntime) -> APIRouter:
    """The routes of a running stage."""
    router = APIRouter(prefix="/sla-timer/v1", tags=["sla-timer"])

    @router.get("/policies", response_model=PoliciesBody, dependencies=[require("admin")])
    async def read_policies() -> Response:
        """The policies in force, their version as ETag. Version 0 is the built-in one."""
        put = (await runtime.catalogs()).get(PoliciesChanged, POLICIES_ID)
        policies, version = (DEFAULT_POLICIES, 0) if put is None else (put.policies, put.version)
        return json_response(_document(policies), headers={"ETag": etag(version)})

    @router.put("/policies", response_model=PoliciesBody)
    async def put_policies(body: PoliciesBody, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Put all policies. Holds that begin from now on run by them; running clocks keep their deadlines."""
        changed = PoliciesChanged(entity_id=POLICIES_ID, policies=tuple(_policy(each) for each in body.policies))
        request = Request(
            command=Edit(PoliciesChanged, lambda _: changed, if_match=asked.if_match),
            subject=POLICIES_ID,
            actor=asked.caller.actor,
            respond=_policies_put,
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
        )
        return reply(await runtime.execute(request))

    @router.get("/leads/{lead_id}", response_model=LeadClocksBody)
    async def read_lead(lead_id: str, caller: Annotated[Caller, require("admin", "cam", "partner")]) -> Response:
        """A lead's clocks; its holding partner sees those of its own assignment."""
        catalogs = await runtime.catalogs()

        def seen(clocks: Clocks, lead: Lead) -> bool:
            return _sees(caller, clocks, lead, catalogs)

        clocks, lead = await runtime.lead_once_known(lead_id, seen)
        return json_response(lead_clocks(caller, clocks, lead, catalogs))

    return router


def _sees(caller: Caller, clocks: Clocks, lead: Lead, catalogs: Catalogs) -> bool:
    """Whether something is known of the lead here, and the caller may know of it."""
    holder = lead.holder
    partner = catalogs.get(PartnerChanged, holder.partner_id) if holder else None
    unknown = lead == Lead() and clocks == Clocks()
    return not unknown and _may_see(caller, holder, partner.cam if partner else None)


def lead_clocks(caller: Caller, clocks: Clocks, lead: Lead, catalogs: Catalogs) -> Mapping[str, object]:
    """What the caller may see of a lead's clocks. Raises NotFound where it may not know of the lead."""
    if not _sees(caller, clocks, lead, catalogs):
        raise NotFound("There is no lead of this id here.")
    seen = [*clocks.ended, *clocks.open]
    holder = lead.holder
    if caller.role == "partner":
        seen = [each for each in seen if holder and each.deadline.assignment_id == holder.assignment_id]
    seen.sort(key=lambda each: each.deadline.started_at)
    body = LeadClocksBody(clocks=[_lead_clock(each) for each in seen])
    return body.model_dump(mode="json", exclude_none=True)


def _may_see(caller: Caller, holder: Holder | None, cam: str | None) -> bool:
    """A lead that nobody holds is every channel manager's to see, and no partner's."""
    return caller.role != "partner" if holder is None else caller.may_see_partner(holder.partner_id, cam)


def _lead_clock(each: Running | Awaiting | Ended) -> LeadClockBody:
    deadline = each.deadline
    return LeadClockBody(
        clock=deadline.clock,
        assignment_id=deadline.assignment_id,
        pooling_id=deadline.pooling_id,
        policy=deadline.policy,
        policy_version=deadline.policy_version,
        started_at=deadline.started_at,
        due_at=deadline.due_at,
        reminders=[ReminderBody(at=reminder.at, sent_at=reminder.sent_at) for reminder in deadline.reminders],
        on_breach=deadline.on_breach,
        status=_status(each),
        met_at=each.met_at if isinstance(each, Met) else None,
        stopped_by=each.why if isinstance(each, Stopped) else None,
    )


def _status(each: Running | Awaiting | Ended) -> str:
    match each:
        # Nobody but the owner of the evidence can say that a deadline was missed: until then it runs.
        case Running() | Awaiting():
            return "running"
        case Met():
            return "met"
        case Breached():
            return "breached"
        case Stopped():
            return "stopped"


def _policy(body: PolicyBody) -> Policy:
    return Policy(
        name=body.name,
        when=body.when,
        clocks=tuple(
            ClockPolicy(
                clock=clock.clock,
                within_seconds=duration_seconds(clock.within),
                remind_at=tuple(clock.remind_at),
                on_breach=clock.on_breach,
            )
            for clock in body.clocks
        ),
    )


def _document(policies: Sequence[Policy]) -> Mapping[str, object]:
    return {
        "policies": [
            {
                "name": policy.name,
                "when": policy.when,
                "clocks": [
                    {
                        "clock": clock.clock,
                        "within": duration_text(clock.within_seconds),
                        "remind_at": clock.remind_at,
                        "on_breach": clock.on_breach,
                    }
                    for clock in policy.clocks
                ],
            }
            for policy in policies
        ]
    }


def _policies_put(decided: Decided) -> Answer:
    put: PoliciesChanged = decided.state
    return Answer(200, _document(put.policies), {"ETag": etag(put.version)})

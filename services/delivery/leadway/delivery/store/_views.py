"""The tables that the runtime keeps equal to each lead's state and mirror."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from leadway.delivery.decider import Silent, State
from leadway.delivery.translate import Lead, reflect
from leadway.stage import Mirror, View

MIRROR: Final = Mirror(initial=Lead(), reflect=reflect, type=Lead)


def _pending(_: str, state: State) -> Iterable[tuple[Any, ...]]:
    if isinstance(state, Silent):
        return
    begun: set[str] = set()
    for message in state.pending:
        endpoint_id = message.endpoint.endpoint_id
        occurred = message.occurred
        # The first message of a lead at an endpoint is its head: the others wait until it has ended.
        head = endpoint_id not in begun
        begun.add(endpoint_id)
        yield (endpoint_id, head, message.number, occurred.fact_id, occurred.fact_type, occurred.fact_time)


def _finished(_: str, state: State) -> Iterable[tuple[Any, ...]]:
    if isinstance(state, Silent):
        return
    for ended in state.finished:
        yield (
            ended.endpoint_id,
            ended.number,
            ended.fact_id,
            ended.fact_type,
            ended.fact_time,
            ended.attempts,
            ended.status,
            ended.reason,
            ended.at,
        )


def _active(_: str, lead: Lead) -> Iterable[tuple[Any, ...]]:
    if lead.history:
        yield (_hour_after(lead.history[-1].at),)


def _told(_: str, lead: Lead) -> Iterable[tuple[Any, ...]]:
    """Until when each partner could see something of the lead."""
    last: dict[str, datetime] = {}
    for seen in lead.history:
        for partner_id in seen.audience:
            # A deadline's facts are dated by the deadline, so the last one told need not be the latest.
            last[partner_id] = max(seen.at, last.get(partner_id, seen.at))
    return ((partner_id, _hour_after(last[partner_id])) for partner_id in sorted(last))


def _hour_after(at: datetime) -> datetime:
    # To the hour, so that not every fact of a busy lead rewrites its rows.
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


VIEWS: Final = (
    View(
        table="pending",
        columns={
            "endpoint_id": "text",
            "head": "boolean",
            "number": "bigint",
            "fact_id": "text",
            "fact_type": "text",
            "fact_time": "timestamptz",
        },
        rows=_pending,
        indexes=("endpoint_id, head, fact_time, subject",),
    ),
    View(
        table="finished",
        columns={
            "endpoint_id": "text",
            "number": "bigint",
            "fact_id": "text",
            "fact_type": "text",
            "fact_time": "timestamptz",
            "attempts": "integer",
            "http_status": "integer",
            "reason": "text",
            "finished_at": "timestamptz",
        },
        rows=_finished,
        indexes=("endpoint_id, fact_time, subject, number",),
    ),
    View(
        table="active_leads",
        columns={"active_until": "timestamptz"},
        rows=_active,
        of="mirror",
        indexes=("active_until, subject",),
    ),
    View(
        table="told_leads",
        columns={"partner_id": "text", "active_until": "timestamptz"},
        rows=_told,
        of="mirror",
        indexes=("partner_id, subject",),
    ),
)

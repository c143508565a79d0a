"""The tables that the runtime keeps equal to each lead's state and mirror."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from leadway.delivery.decider import Silent, State
from leadway.delivery.translate import Lead, reflect
from leadway.stage import Mirror, View

MIRROR: Final = Mirror(initial=Lead(), reflect=reflect, type=Lead)


def _deliveries(_: str, state: State) -> Iterable[tuple[Any, ...]]:
    if isinstance(state, Silent):
        return
    for message in state.pending:
        yield (
            message.endpoint.endpoint_id,
            message.number,
            message.occurred.fact_id,
            message.occurred.fact_type,
            message.occurred.fact_time,
            "pending",
            message.replay,
            None,
            None,
            None,
            None,
        )
    for ended in state.finished:
        yield (
            ended.endpoint_id,
            ended.number,
            ended.fact_id,
            ended.fact_type,
            ended.fact_time,
            "delivered" if ended.reason is None else "failed",
            ended.replay,
            ended.attempts,
            ended.status,
            ended.reason,
            ended.at,
        )


def _leads(_: str, lead: Lead) -> Iterable[tuple[Any, ...]]:
    if lead.history:
        yield (lead.history[-1].at,)


VIEWS: Final = (
    View(
        table="deliveries",
        columns={
            "endpoint_id": "text",
            "number": "bigint",
            "fact_id": "text",
            "fact_type": "text",
            "fact_time": "timestamptz",
            "status": "text",
            "replay": "boolean",
            "attempts": "integer",
            "http_status": "integer",
            "reason": "text",
            "finished_at": "timestamptz",
        },
        rows=_deliveries,
        indexes=("endpoint_id, status, fact_time, number", "endpoint_id, fact_time, fact_id"),
    ),
    View(
        table="last_facts",
        columns={"last_at": "timestamptz"},
        rows=_leads,
        of="mirror",
        indexes=("last_at",),
    ),
)

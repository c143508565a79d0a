"""What the routes take and give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from leadway.delivery.policy import message_id
from leadway.facts.delivery import EndpointChanged
from leadway.web import Command, Instant

Url = Annotated[str, Field(min_length=8, max_length=2048)]
Types = Annotated[list[str], Field(min_length=1, max_length=60)]


class EndpointIn(Command):
    """A new endpoint. `types`: fact types without a version, or `["*"]`."""

    url: Url
    types: Types
    partner_id: str | None = None


class EndpointPatch(Command):
    """What is to change; `rotate_secret` gives the endpoint a new secret, shown once."""

    url: Url | None = None
    types: Types | None = None
    status: Literal["active", "paused"] | None = None
    rotate_secret: bool = False


class ReplayIn(Command):
    """Since when to tell again; `starting_after`: the lead that the last answer ended with."""

    since: Instant
    starting_after: str = ""


class Endpoint(BaseModel):
    """A webhook endpoint. `secret` is there when it is new, and only then."""

    id: str
    url: str
    types: list[str]
    partner_id: str | None
    schema_: Annotated[int, Field(alias="schema")]
    status: str
    status_reason: str | None
    version: int
    secret_generation: int
    secret: str | None = None


class Delivery(BaseModel):
    """A message to an endpoint. `id` is for paging; `webhook_id` is what the receiver saw."""

    id: str
    webhook_id: str
    lead_id: str
    fact_id: str
    type: str
    fact_time: datetime
    status: str
    attempts: int
    http_status: int | None
    reason: str | None
    next_attempt_at: datetime | None
    finished_at: datetime | None


class Replayed(BaseModel):
    """What a replay reached: of so many leads what the endpoint could see is on its way again."""

    leads: int
    has_more: bool
    starting_after: str | None


class Tested(BaseModel):
    """How a test message fared."""

    delivered: bool
    status: int | None
    reason: str | None
    duration_ms: int


def endpoint_body(endpoint: EndpointChanged) -> dict[str, Any]:
    """An endpoint as it is shown, without its secret."""
    return {
        "id": endpoint.entity_id,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "partner_id": endpoint.partner_id,
        "schema": endpoint.schema,
        "status": endpoint.status,
        "status_reason": endpoint.status_reason,
        "version": endpoint.version,
        "secret_generation": endpoint.generation,
    }


def delivery_body(endpoint_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it is shown."""
    return {
        "id": f"{row['subject']}.{row['number']}",
        "webhook_id": message_id(row["fact_id"], row["fact_time"], endpoint_id),
        "lead_id": row["subject"],
        "fact_id": row["fact_id"],
        "type": row["fact_type"],
        "fact_time": row["fact_time"],
        "status": row["status"],
        "attempts": row["attempts"],
        "http_status": row["http_status"],
        "reason": row["reason"],
        "next_attempt_at": row["next_attempt_at"] if row["status"] == "pending" else None,
        "finished_at": row["finished_at"],
    }

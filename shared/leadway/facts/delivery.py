"""What delivery says: who was to be told what, and whether they were."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire


class DueEndpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint that is to be told, in the version in force then; `schema` is the body's, pinned for the endpoint."""

    endpoint_id: str
    version: int
    schema: int = 1
    # True: a partner's endpoint that is told because the fact ended its hold
    ended: bool = False


@wire("notification.due.v1", source="delivery")
class NotificationDue(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """These endpoints are to be told of a fact. `fact_type` has no version."""

    told_apart_by: ClassVar[tuple[str, ...]] = ("fact_id",)

    lead_id: str
    fact_id: str
    fact_type: str
    fact_time: datetime
    endpoints: tuple[DueEndpoint, ...]
    replay: bool = False
    assignment_id: str | None = None  # of the hold that the fact is about
    deal_id: str | None = None
    change: dict[str, object] = msgspec.field(default_factory=dict[str, object])  # what the fact says; nothing personal


@wire("notification.delivered.v1", source="delivery")
class NotificationDelivered(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint took the message (2xx)."""

    told_apart_by: ClassVar[tuple[str, ...]] = ("fact_id", "endpoint_id")

    lead_id: str
    fact_id: str
    endpoint_id: str
    attempts: int
    status: int
    delivered_at: datetime | None = None  # when the endpoint answered


@wire("notification.failed.v1", source="delivery")
class NotificationFailed(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The message was given up for this endpoint: it refused it for good."""

    told_apart_by: ClassVar[tuple[str, ...]] = ("fact_id", "endpoint_id")

    lead_id: str
    fact_id: str
    endpoint_id: str
    attempts: int
    status: int | None = None
    reason: str
    failed_at: datetime | None = None


@wire("endpoint.changed.v1", source="delivery")
class EndpointChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook endpoint as it stands. entity_id: end_…; its secret is derived, never stored."""

    url: str
    types: tuple[str, ...]  # without versions; ("*",) for all
    partner_id: str | None = None
    schema: int = 1
    generation: int = 1  # of its secret
    status: Literal["active", "paused", "disabled", "deleted"] = "active"
    status_reason: str | None = None
    created_by: str = ""

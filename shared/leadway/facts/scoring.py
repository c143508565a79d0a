"""What scoring says: how much a lead is worth following up, and the model that says so."""

from __future__ import annotations

from datetime import datetime

import msgspec

from leadway.facts._fact import CatalogFact, LeadFact, wire


class Contribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points that one line of the model gave. With `half_life_seconds` they halve from `occurred_at` on.

    `points` are the undecayed ones; fit contributions have neither instant nor half-life.
    """

    label: str
    points: float
    from_fact: str
    occurred_at: datetime | None = None
    half_life_seconds: float | None = None
    points_max: float | None = None  # the cap of all contributions under this label
    touches: int = 1  # more than one: older touches were added up, `from_fact` and `occurred_at` are the newest one's


@wire("lead.scored.v1", source="scoring")
class LeadScored(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead's score as of an instant, with all that it is made of: score = fit + engagement."""

    lead_id: str
    score: float
    fit: float
    engagement: float
    as_of: datetime
    model_version: int
    contributions: tuple[Contribution, ...] = ()
    scored_fact: str  # the lead.captured or lead.touched that led to it


@wire("lead.qualified.v1", source="scoring")
class LeadQualified(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead is ready for a partner. Said once for each lead."""

    lead_id: str
    score: float
    model_version: int
    label: str  # of the qualifying rule


@wire("lead.disqualified.v1", source="scoring")
class LeadDisqualified(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The lead will not be routed: a rule of the model excludes it."""

    lead_id: str
    score: float
    model_version: int
    reason: str


@wire("model.changed.v1", source="scoring")
class ModelChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """The scoring model as it stands, as the document that an admin put. entity_id: `model`."""

    document: dict[str, object]

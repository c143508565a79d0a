"""What the router's routes are sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from leadway.router.decider import DeclineReason
from leadway.router.policy.reading import CODE
from leadway.router.policy.spanning import WEIGHT_MAX
from leadway.web import Command

TEXT_LENGTH_MAX = 2_000
WORDS_MAX = 1_000

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH_MAX)]
Code = Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]
Names = Annotated[list[Name], Field(max_length=WORDS_MAX)]


class NothingBody(Command):
    """Nothing more is to be said; a body may be left out."""


class Size(Command):
    """Employees of the companies that the partner works for; {} takes the bounds away."""

    min: int | None = Field(default=None, ge=0, le=10_000_000)
    max: int | None = Field(default=None, ge=0, le=10_000_000)


class Capacity(Command):
    """How much the partner can work on; {} takes the bound away."""

    open_leads: int | None = Field(default=None, ge=0, le=1_000_000)


class _PartnerFields(Command):
    type: Name | None = None
    territories: Names = Field(default_factory=list[str], examples=[["DE", "US-GA", "DE:70"]])
    industries: Names = Field(default_factory=list[str])
    products: Names = Field(default_factory=list[str])
    certifications: Names = Field(default_factory=list[str])
    company_size: Size | None = None
    capacity: Capacity | None = None
    weight: int = Field(default=1, ge=1, le=WEIGHT_MAX)
    parent_id: Name | None = None
    cam: Name | None = None


class NewPartner(_PartnerFields):
    """A partner to be."""

    name: Name
    status: Literal["active", "paused", "ended"] = "active"
    tier: Name


class PartnerChange(_PartnerFields):
    """What is to change about a partner; what is left out stays."""

    name: Name | None = None
    status: Literal["active", "paused", "ended"] | None = None
    tier: Name | None = None


class RulesDocument(Command):
    """The routing rules, whole. Their shape is checked with what they name, so that all faults come at once."""

    account: Any = None
    rules: Any = None
    otherwise: Any = None


class DeclineBody(Command):
    """Why the holder gives the lead back."""

    reason: DeclineReason
    note: Words | None = None


class AssignBody(Command):
    """Who is to have the lead, and why."""

    partner_id: Name
    reason: Words


class RetainBody(Command):
    """Where the lead is to be kept, and why."""

    queue: Code
    reason: Words


class RerouteBody(Command):
    """Why the lead is to be routed again; `allow_again`: also to partners that had it before."""

    reason: Words
    allow_again: bool = False

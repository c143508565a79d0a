"""What dealreg's routes are sent."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from leadway.companies import company_domain
from leadway.dealreg.policy.companies import match_of
from leadway.facts.dealreg import Line
from leadway.facts.personal import Note, Sealed, seal
from leadway.facts.terms import Company, Term
from leadway.web import Command, Instant, MoneyBody

LINES_MAX: Final = 100
STAGES_MAX: Final = 50
PROTECTION_MAX: Final = timedelta(days=3660)

Text = Annotated[str, Field(min_length=1, max_length=4_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Protection = Annotated[timedelta, Field(gt=timedelta(0), le=PROTECTION_MAX)]


class OfAHold(Command):
    """Work of a holder. `assignment_id`: refuse it where another assignment than this is the present one."""

    assignment_id: Id | None = None


class ActivityBody(OfAHold):
    """What was done. All but notes are attempts to reach the customer."""

    kind: Literal["call", "email", "meeting", "note"]
    outcome: Code | None = None
    occurred_at: Instant | None = None
    note: Text | None = None


class StageBody(OfAHold):
    """A stage of the pipeline."""

    stage: Name


class OpportunityBody(OfAHold):
    """An expected amount."""

    name: Name
    amount: MoneyBody
    expected_close: date
    product: Name | None = None


class DealBody(OfAHold):
    """A deal from an opportunity (the only one without a deal, where none is named), or with an amount of its own."""

    opportunity_id: Id | None = None
    amount: MoneyBody | None = None
    name: Name | None = None


class CompanyBody(Command):
    """The customer's company."""

    name: Name
    domain: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]

    @model_validator(mode="after")
    def _recognisable(self) -> Self:
        if match_of(self.company()) is None:
            raise ValueError("neither the name nor the domain names a company")
        return self

    def company(self) -> Company:
        return Company(name=self.name, domain=company_domain(self.domain), country=self.country)


class LineBody(Command):
    """One position of a deal."""

    product: Name
    quantity: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] = 1
    amount: MoneyBody

    def line(self) -> Line:
        return Line(product=Term(said=self.product), quantity=self.quantity, amount=self.amount.money())


class BroughtDealBody(Command):
    """A deal that a partner brings."""

    company: CompanyBody
    name: Name
    amount: MoneyBody
    product: Name | None = None
    lines: Annotated[tuple[LineBody, ...], Field(max_length=LINES_MAX)] = ()


class ApproveBody(Command):
    """`protect_for`: an ISO 8601 duration, such as `P90D`, in place of the usual one."""

    protect_for: Protection | None = None


class ReasonBody(Command):
    """Why."""

    reason: Text


class WinBody(Command):
    """What the deal was won for, and when."""

    amount: MoneyBody
    closed_at: Instant | None = None


class AmendBody(Command):
    """The deal's new total, and when the difference counts."""

    amount: MoneyBody
    reason: Text
    effective_at: Instant


class CloseBody(OfAHold):
    """How the lead ended."""

    outcome: Literal["lost", "not_a_lead", "unreachable", "duplicate", "nurture"]
    reason: Text | None = None


class StagesBody(Command):
    """The pipeline's stages in order."""

    stages: Annotated[list[Code], Field(min_length=1, max_length=STAGES_MAX)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(set(self.stages)) != len(self.stages):
            raise ValueError("a stage is named once")
        return self


class ProtectionBody(Command):
    """How long an approved registration is protected where the approval says nothing else: ISO 8601, such as `P90D`."""

    protect_for: Protection


def said(text: str | None) -> Sealed | None:
    """A free text, sealed."""
    return seal(Note(text=text)) if text is not None else None


def why(text: str) -> Sealed:
    """A reason, sealed."""
    return seal(Note(text=text))


def named(name: str | None) -> Sealed | None:
    """A name that somebody made up, sealed."""
    return seal(Note(name=name)) if name is not None else None


def product(text: str | None) -> Term | None:
    """A product as it was said."""
    return Term(said=text) if text is not None else None

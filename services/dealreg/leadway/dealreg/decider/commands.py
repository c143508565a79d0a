"""What dealreg can be asked.

Commands arrive partly filled; what lies outside the lead is added before they are decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from leadway.dealreg.policy.conflict import Collision
from leadway.facts.dealreg import Claim, CompanyMatch, Line
from leadway.facts.personal import Sealed
from leadway.facts.terms import Company, KeyTurn, Money, Origin, Term

UNSET_TIME: Final = datetime.min.replace(tzinfo=UTC)
NO_COMPANY: Final = Company()


@dataclass(frozen=True, slots=True)
class By:
    """Who asks. `partner_id` is there for role partner; `assigned`: a manager who sees only partners of their own."""

    role: Literal["admin", "cam", "partner"]
    subject: str
    partner_id: str | None = None
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """The asking partner holds the lead.

    Without an assignment: it brought the lead, and the router has yet to adopt it.
    """

    partner_id: str
    assignment_id: str | None


@dataclass(frozen=True, slots=True)
class Vendor:
    """The lead is in one of the vendor's queues, and a channel manager or an admin asks."""


@dataclass(frozen=True, slots=True)
class Overseer:
    """A channel manager or an admin asks about a lead that a partner holds, or nobody."""

    assignment_id: str | None = None


@dataclass(frozen=True, slots=True)
class FormerHolder:
    """The asking partner held the lead once."""

    how: str = "ended"


@dataclass(frozen=True, slots=True)
class Stranger:
    """The caller may not know of the lead, or there is none."""


Seat = Holder | Vendor | Overseer | FormerHolder | Stranger


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every command from outside carries. `assignment_id`: the one that the caller believes to be the present."""

    by: By
    assignment_id: str | None = None
    seat: Seat = Stranger()
    lead_id: str = ""
    now: datetime = UNSET_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class LogActivity(Asked):
    """Note that something was done for the lead."""

    kind: Literal["call", "email", "meeting", "note"]
    outcome: str | None = None
    occurred_at: datetime | None = None
    personal: Sealed | None = None
    activity_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStage(Asked):
    """Move the lead to a stage of the pipeline."""

    stage: str
    known: tuple[str, ...] = ()
    stages_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOpportunity(Asked):
    """Expect an amount."""

    amount: Money
    expected_close: date
    product: Term | None = None
    personal: Sealed | None = None
    opportunity_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDeal(Asked):
    """Register a deal of the lead, from an opportunity or with an amount of its own."""

    opportunity_id: str | None = None
    amount: Money | None = None
    product: Term | None = None
    personal: Sealed | None = None
    lines: tuple[Line, ...] = ()
    deal_id: str = ""
    originated: bool = False
    linked: bool = False
    origin: Origin = "vendor"
    person_id: str | None = None
    company_id: str | None = None
    company: Company = NO_COMPANY
    campaign_id: str | None = None
    match: CompanyMatch | None = None
    claim: Claim | None = None
    collision: Collision | None = None
    turns: tuple[KeyTurn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BringDeal(Asked):
    """Register a deal that a partner brings: on `linked_lead_id` if it still holds that, else on `own_lead_id`."""

    own_lead_id: str
    linked_lead_id: str | None = None
    company: Company
    amount: Money
    product: Term | None = None
    lines: tuple[Line, ...] = ()
    personal: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDeal(Asked):
    """What every command on a deal carries."""

    deal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveDeal(OnDeal):
    """Let a registration stand and protect its partner."""

    protect_for: timedelta | None = None
    protection: timedelta = timedelta(0)
    protection_version: int = 0
    rival: Collision | None = None
    turns: tuple[KeyTurn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDeal(OnDeal):
    """Send a registration back for more."""

    personal: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectDeal(OnDeal):
    """Refuse a registration."""

    personal: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class WinDeal(OnDeal):
    """Book a deal as won; `closed_at` defaults to now."""

    amount: Money
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseDeal(OnDeal):
    """Give a deal up."""

    personal: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendDeal(OnDeal):
    """Correct the total of a won deal."""

    amount: Money
    effective_at: datetime
    personal: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenDeal(OnDeal):
    """Open a won or lost deal again."""

    personal: Sealed
    rival: Collision | None = None
    turns: tuple[KeyTurn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLead(Asked):
    """End the work on a lead."""

    outcome: Literal["lost", "not_a_lead", "unreachable", "duplicate", "nurture"]
    personal: Sealed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenLead(Asked):
    """Begin the work on a closed lead again."""

    personal: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFirstContact:
    """A first_contact deadline is here: say whether it was missed. `current`: the assignment still stands."""

    lead_id: str
    assignment_id: str
    due_at: datetime
    current: bool = True


DealCommand = ApproveDeal | ReturnDeal | RejectDeal | WinDeal | LoseDeal | AmendDeal | ReopenDeal
LeadCommand = LogActivity | ChangeStage | OpenOpportunity | RegisterDeal | CloseLead | ReopenLead
Command = LeadCommand | BringDeal | DealCommand | AnswerFirstContact

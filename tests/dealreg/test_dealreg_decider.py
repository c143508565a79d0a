"""What the holder of a lead may do, what becomes of its deals, and what they are worth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from leadway.dealreg.decider import DEALREG
from leadway.dealreg.decider.commands import (
    AmendDeal,
    AnswerFirstContact,
    ApproveDeal,
    By,
    ChangeStage,
    CloseLead,
    FormerHolder,
    Holder,
    LogActivity,
    LoseDeal,
    OpenOpportunity,
    Overseer,
    RegisterDeal,
    RejectDeal,
    ReopenDeal,
    ReopenLead,
    ReturnDeal,
    Stranger,
    Vendor,
    WinDeal,
)
from leadway.dealreg.decider.refusals import (
    AlreadyRegistered,
    AlreadyWon,
    AmountNeeded,
    Approved,
    CompanyProtected,
    DealsOpen,
    HoldEnded,
    LeadIsClosed,
    NotTheOwner,
    NotWon,
    OtherCurrency,
    UnknownDeal,
    UnknownLead,
    UnknownStage,
)
from leadway.dealreg.decider.state import Closed, Lost, Open, Won, deal_of
from leadway.dealreg.policy.conflict import Collision
from leadway.dealreg.policy.money import revenue
from leadway.decider import InvalidRequest, fold
from leadway.facts import Fact
from leadway.facts.dealreg import (
    ActivityLogged,
    Claim,
    CompanyMatch,
    ContactMissed,
    DealAmended,
    DealApproved,
    DealConflicted,
    DealLost,
    DealRegistered,
    DealRejected,
    DealReopened,
    DealReturned,
    DealWon,
    LeadClosed,
    LeadReopened,
    OpportunityOpened,
    StageChanged,
)
from leadway.facts.personal import Note, seal
from leadway.facts.terms import KeyTurn, Money, Term
from leadway.testing import given

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEAD = "lead_1"
PARTNER = By("partner", "ann", "ptr_a")
OTHER = By("partner", "bob", "ptr_b")
CAM = By("cam", "carla")
HOLDS = Holder("ptr_a", "asg_1")
OVERSEES = Overseer("asg_1")
EUR = Money(10_000, "EUR")
BOBS = Collision("ptr_b", "lead_2", "d2")
WHY = seal(Note(text="because"))
MATCH = CompanyMatch(domain="acme.com", name="acme", country="PL")
CLAIM = Claim(partner_id="ptr_a", match=MATCH, product="erp")
TURNS = (KeyTurn("protection:domain:acme.com", 1), KeyTurn("protection:name:acme", 1))
FREED = tuple(KeyTurn(turn.key, turn.n, freed=True) for turn in TURNS)

AS_PARTNER: dict[str, Any] = {"by": PARTNER, "seat": HOLDS, "lead_id": LEAD, "now": NOW}
AS_CAM: dict[str, Any] = {"by": CAM, "seat": OVERSEES, "lead_id": LEAD, "now": NOW}

CALL = LogActivity(**AS_PARTNER, kind="call", activity_id="act_1")
REGISTER = RegisterDeal(
    **AS_PARTNER, amount=EUR, product=Term("erp"), deal_id="deal_1", match=MATCH, claim=CLAIM, turns=TURNS
)
WIN = WinDeal(**AS_PARTNER, deal_id="deal_1", amount=Money(12_000, "EUR"))

LOGGED = ActivityLogged(
    lead_id=LEAD, assignment_id="asg_1", activity_id="act_1", kind="call", logged_at=NOW, attempt=True
)
OPPORTUNITY = OpportunityOpened(
    lead_id=LEAD,
    assignment_id="asg_1",
    opportunity_id="opp_1",
    amount=EUR,
    expected_close=date(2026, 6, 1),
    product=Term("erp"),
)
REGISTERED = DealRegistered(
    lead_id=LEAD,
    deal_id="deal_1",
    partner_id="ptr_a",
    assignment_id="asg_1",
    product=Term("erp"),
    amount=EUR,
    match_key="protection:domain:acme.com:erp",
    match=MATCH,
    claim=CLAIM,
    keys=TURNS,
)
WON = DealWon(
    lead_id=LEAD, deal_id="deal_1", partner_id="ptr_a", amount=Money(12_000, "EUR"), closed_at=NOW, keys=FREED
)
LOST = DealLost(lead_id=LEAD, deal_id="deal_1", keys=FREED, personal=WHY)
CLOSED_WON = LeadClosed(lead_id=LEAD, assignment_id="asg_1", outcome="won")
PROTECTED_UNTIL = NOW + timedelta(days=90)
APPROVED = DealApproved(
    lead_id=LEAD,
    deal_id="deal_1",
    partner_id="ptr_a",
    protected_until=PROTECTED_UNTIL,
    protection_version=3,
    claim=Claim(partner_id="ptr_a", match=MATCH, product="erp", protected_until=PROTECTED_UNTIL),
    keys=TURNS,
)
APPROVE = ApproveDeal(**AS_CAM, deal_id="deal_1", protection=timedelta(days=90), protection_version=3)
SLA = AnswerFirstContact(lead_id=LEAD, assignment_id="asg_1", due_at=NOW)
MISSED = ContactMissed(lead_id=LEAD, assignment_id="asg_1", due_at=NOW)


def test_an_activity_is_logged_once_under_its_assignment() -> None:
    given(DEALREG).when(CALL).then(LOGGED).when(CALL).then()


def test_a_note_is_no_attempt() -> None:
    note = LogActivity(**AS_PARTNER, kind="note", activity_id="act_1")
    assert isinstance(given(DEALREG).when(note).facts()[0], ActivityLogged)
    given(DEALREG, *given(DEALREG).when(note).facts()).when(SLA).then(MISSED)


def test_an_activity_of_tomorrow_is_refused() -> None:
    tomorrow = LogActivity(**AS_PARTNER, kind="call", occurred_at=NOW + timedelta(days=1))
    assert given(DEALREG).when(tomorrow).refused(InvalidRequest).errors[0].pointer == "#/occurred_at"


@pytest.mark.parametrize(
    ("by", "seat", "refusal"),
    [
        (PARTNER, FormerHolder("declined"), HoldEnded),
        (PARTNER, Stranger(), UnknownLead),
        (CAM, Overseer("asg_1"), NotTheOwner),
        (CAM, Overseer(None), NotTheOwner),
    ],
)
def test_only_the_owner_works_on_a_lead(by: By, seat: Any, refusal: Any) -> None:
    command = LogActivity(by=by, seat=seat, lead_id=LEAD, now=NOW, kind="call", activity_id="act_1")
    assert given(DEALREG).when(command).refused(refusal).foreign


def test_work_under_another_assignment_than_the_present_one_is_refused() -> None:
    late = LogActivity(**AS_PARTNER, assignment_id="asg_0", kind="call", activity_id="act_1")
    given(DEALREG).when(late).refused(HoldEnded)


def test_a_manager_works_on_a_lead_that_the_vendor_keeps() -> None:
    command = LogActivity(by=CAM, seat=Vendor(), lead_id=LEAD, now=NOW, kind="call", activity_id="act_1")
    (logged,) = given(DEALREG).when(command).facts()
    assert isinstance(logged, ActivityLogged)
    assert logged.assignment_id is None


def test_a_stage_is_one_of_the_pipeline() -> None:
    known = ("new", "contacted")
    command = ChangeStage(**AS_PARTNER, stage="contacted", known=known, stages_version=2)
    changed = StageChanged(lead_id=LEAD, assignment_id="asg_1", stage="contacted", stages_version=2)
    given(DEALREG).when(command).then(changed).when(command).then()
    unknown = ChangeStage(**AS_PARTNER, stage="sold", known=known, stages_version=2)
    refusal = given(DEALREG).when(unknown).refused(UnknownStage)
    assert refusal.extra["known"] == ["new", "contacted"]
    assert refusal.status == 422


def test_contact_is_missed_unless_an_attempt_was_logged_in_time() -> None:
    given(DEALREG).when(SLA).then(MISSED).when(SLA).then()
    given(DEALREG, LOGGED).when(SLA).then()
    late = AnswerFirstContact(lead_id=LEAD, assignment_id="asg_1", due_at=NOW - timedelta(seconds=1))
    given(DEALREG, LOGGED).when(late).then(ContactMissed(lead_id=LEAD, assignment_id="asg_1", due_at=late.due_at))


def test_contact_of_another_assignment_does_not_count() -> None:
    other = AnswerFirstContact(lead_id=LEAD, assignment_id="asg_2", due_at=NOW)
    given(DEALREG, LOGGED).when(other).then(ContactMissed(lead_id=LEAD, assignment_id="asg_2", due_at=NOW))


def test_nothing_is_missed_where_the_clock_no_longer_matters() -> None:
    ended = AnswerFirstContact(lead_id=LEAD, assignment_id="asg_1", due_at=NOW, current=False)
    given(DEALREG).when(ended).then()
    given(DEALREG, REGISTERED).when(SLA).then()
    given(DEALREG, CLOSED_WON).when(SLA).then()


def test_an_opportunity_takes_no_negative_amount() -> None:
    command = OpenOpportunity(**AS_PARTNER, amount=EUR, expected_close=date(2026, 6, 1), opportunity_id="opp_1")
    opened = given(DEALREG).when(command).facts()
    given(DEALREG, *opened).when(command).then()
    negative = OpenOpportunity(**AS_PARTNER, amount=Money(-1, "EUR"), expected_close=date(2026, 6, 1))
    assert given(DEALREG).when(negative).refused(InvalidRequest).errors[0].pointer == "#/amount/minor"


def test_a_deal_is_registered_once_and_claims_its_company() -> None:
    given(DEALREG).when(REGISTER).then(REGISTERED).when(REGISTER).then()


def test_a_deal_takes_amount_and_product_from_its_opportunity() -> None:
    command = RegisterDeal(**AS_PARTNER, deal_id="deal_1")
    (registered,) = given(DEALREG, OPPORTUNITY).when(command).facts()
    assert isinstance(registered, DealRegistered)
    assert (registered.amount, registered.product, registered.opportunity_id) == (EUR, Term("erp"), "opp_1")
    again = RegisterDeal(**AS_PARTNER, opportunity_id="opp_1", deal_id="deal_2")
    assert given(DEALREG, OPPORTUNITY, registered).when(again).refused(AlreadyRegistered).extra["deal_id"] == "deal_1"


def test_a_deal_without_opportunity_and_amount_is_worth_nothing_known() -> None:
    given(DEALREG).when(RegisterDeal(**AS_PARTNER, deal_id="deal_1")).refused(AmountNeeded)
    unknown = RegisterDeal(**AS_PARTNER, deal_id="deal_1", opportunity_id="opp_9")
    assert given(DEALREG).when(unknown).refused(InvalidRequest).errors[0].pointer == "#/opportunity_id"


def test_a_colliding_registration_is_recorded_and_claims_nothing() -> None:
    command = RegisterDeal(
        **AS_PARTNER,
        amount=EUR,
        deal_id="deal_1",
        claim=CLAIM,
        turns=TURNS,
        collision=BOBS,
    )
    registered, conflicted = given(DEALREG).when(command).facts()
    assert isinstance(registered, DealRegistered)
    assert registered.keys == ()
    assert conflicted == DealConflicted(
        lead_id=LEAD, deal_id="deal_1", with_deal_id="d2", with_lead_id="lead_2", with_partner_id="ptr_b"
    )


def test_approval_protects_under_the_same_turns() -> None:
    given(DEALREG, REGISTERED).when(APPROVE).then(APPROVED).when(APPROVE).then()
    rival = Collision("ptr_b", "lead_2", "deal_2", protected=True)
    refused = ApproveDeal(**AS_CAM, deal_id="deal_1", rival=rival)
    assert given(DEALREG, REGISTERED).when(refused).refused(CompanyProtected).extra["deal_id"] == "deal_2"


def test_rejection_frees_what_was_claimed() -> None:
    reject = RejectDeal(**AS_CAM, deal_id="deal_1", personal=WHY)
    rejected = DealRejected(lead_id=LEAD, deal_id="deal_1", keys=FREED, personal=WHY)
    given(DEALREG, REGISTERED, APPROVED).when(reject).then(rejected).when(reject).then()


def test_an_approved_registration_is_not_returned() -> None:
    back = ReturnDeal(**AS_CAM, deal_id="deal_1", personal=WHY)
    given(DEALREG, REGISTERED, APPROVED).when(back).refused(Approved)
    returned = DealReturned(lead_id=LEAD, deal_id="deal_1", personal=WHY)
    given(DEALREG, REGISTERED).when(back).then(returned).when(back).then()


def test_the_last_deal_takes_its_lead_with_it() -> None:
    given(DEALREG, REGISTERED).when(WIN).then(WON, CLOSED_WON)
    second = DealRegistered(lead_id=LEAD, deal_id="deal_2", partner_id="ptr_a", amount=EUR)
    given(DEALREG, REGISTERED, second).when(WIN).then(WON)
    lose = LoseDeal(**AS_PARTNER, deal_id="deal_2", personal=WHY)
    lost = DealLost(lead_id=LEAD, deal_id="deal_2", personal=WHY)
    given(DEALREG, REGISTERED, second, WON).when(lose).then(lost, CLOSED_WON).when(lose).then()


def test_a_deal_is_won_once() -> None:
    refusal = given(DEALREG, REGISTERED, WON, CLOSED_WON).when(WIN).refused(AlreadyWon)
    assert (refusal.slug, refusal.status) == ("deal-already-won", 409)
    again = WinDeal(by=PARTNER, seat=FormerHolder("released"), lead_id=LEAD, now=NOW, deal_id="deal_1", amount=EUR)
    given(DEALREG, REGISTERED, WON, CLOSED_WON).when(again).refused(AlreadyWon)


def test_a_deal_is_won_in_its_own_currency_and_above_zero() -> None:
    dollars = WinDeal(**AS_PARTNER, deal_id="deal_1", amount=Money(1, "USD"))
    given(DEALREG, REGISTERED).when(dollars).refused(OtherCurrency)
    nothing = WinDeal(**AS_PARTNER, deal_id="deal_1", amount=Money(0, "EUR"))
    given(DEALREG, REGISTERED).when(nothing).refused(InvalidRequest)
    tomorrow = WinDeal(**AS_PARTNER, deal_id="deal_1", amount=EUR, closed_at=NOW + timedelta(days=2))
    assert given(DEALREG, REGISTERED).when(tomorrow).refused(InvalidRequest).errors[0].pointer == "#/closed_at"


def test_another_partners_deal_is_none() -> None:
    win = WinDeal(by=OTHER, seat=Holder("ptr_b", "asg_2"), lead_id=LEAD, now=NOW, deal_id="deal_1", amount=EUR)
    given(DEALREG, REGISTERED).when(win).refused(UnknownDeal)
    ended = WinDeal(by=PARTNER, seat=FormerHolder(), lead_id=LEAD, now=NOW, deal_id="deal_1", amount=EUR)
    given(DEALREG, REGISTERED).when(ended).refused(HoldEnded)


def test_an_amendment_sets_the_total() -> None:
    amend = AmendDeal(**AS_CAM, deal_id="deal_1", amount=Money(9_000, "EUR"), effective_at=NOW, personal=WHY)
    amended = DealAmended(
        lead_id=LEAD,
        deal_id="deal_1",
        amount=Money(9_000, "EUR"),
        previous=Money(12_000, "EUR"),
        effective_at=NOW,
        personal=WHY,
    )
    given(DEALREG, REGISTERED).when(amend).refused(NotWon)
    given(DEALREG, REGISTERED, WON, CLOSED_WON).when(amend).then(amended).when(amend).then()
    assert revenue([WON, amended]) == 9_000


@pytest.mark.parametrize(
    ("effective_at", "taken"),
    [
        (NOW, True),
        (NOW - timedelta(days=2), True),
        (NOW + timedelta(days=2), False),
    ],
)
def test_an_amendment_is_not_booked_in_the_future(effective_at: datetime, *, taken: bool) -> None:
    amend = AmendDeal(**AS_CAM, deal_id="deal_1", amount=Money(9_000, "EUR"), effective_at=effective_at, personal=WHY)
    asked = given(DEALREG, REGISTERED, WON, CLOSED_WON).when(amend)
    if taken:
        assert len(asked.facts()) == 1
    else:
        assert [fault.pointer for fault in asked.refused(InvalidRequest).errors] == ["#/effective_at"]


def test_every_fault_of_an_amendment_is_named_at_once() -> None:
    amount, later = Money(-1, "EUR"), NOW + timedelta(days=400)
    amend = AmendDeal(**AS_CAM, deal_id="deal_1", amount=amount, effective_at=later, personal=WHY)
    faults = given(DEALREG, REGISTERED, WON, CLOSED_WON).when(amend).refused(InvalidRequest).errors
    assert [fault.pointer for fault in faults] == ["#/amount/minor", "#/effective_at"]


def test_a_reopened_deal_is_booked_back_and_opens_its_lead() -> None:
    reopen = ReopenDeal(**AS_CAM, deal_id="deal_1", personal=WHY, turns=TURNS)
    facts = given(DEALREG, REGISTERED, APPROVED, WON, CLOSED_WON).when(reopen).facts()
    booked = Money(12_000, "EUR")
    assert facts == (
        DealReopened(lead_id=LEAD, deal_id="deal_1", booked=booked, claim=APPROVED.claim, keys=TURNS, personal=WHY),
        LeadReopened(lead_id=LEAD, partner_id="ptr_a"),
    )
    given(DEALREG, REGISTERED, APPROVED, WON, CLOSED_WON, *facts).when(reopen).then()
    taken = ReopenDeal(**AS_CAM, deal_id="deal_1", personal=WHY, turns=TURNS, rival=Collision("ptr_b", "lead_2"))
    unclaimed = given(DEALREG, REGISTERED, LOST).when(taken).facts()[0]
    assert unclaimed == DealReopened(lead_id=LEAD, deal_id="deal_1", personal=WHY)


def test_a_lead_with_open_deals_is_not_closed() -> None:
    close = CloseLead(**AS_PARTNER, outcome="lost")
    assert given(DEALREG, REGISTERED).when(close).refused(DealsOpen).extra["deals"] == ["deal_1"]
    closed = LeadClosed(lead_id=LEAD, assignment_id="asg_1", outcome="lost")
    after = given(DEALREG).when(close).then(closed)
    after.when(close).then()
    after.when(CALL).refused(LeadIsClosed)
    reopen = ReopenLead(**AS_CAM, personal=WHY)
    after.when(reopen).then(LeadReopened(lead_id=LEAD, personal=WHY)).when(reopen).then()


amounts = st.integers(1, 10**9).map(lambda minor: Money(minor, "EUR"))


class Bookings(RuleBasedStateMachine):
    """Whatever happens to a deal, what was booked sums to what it is worth now."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = [REGISTERED]

    @property
    def state(self) -> Any:
        return fold(DEALREG, self.facts)

    @property
    def outcome(self) -> Any:
        deal = deal_of(self.state, "deal_1")
        assert deal is not None
        return deal.outcome

    def decided(self, command: Any) -> None:
        self.facts += DEALREG.decide(command, self.state)

    @precondition(lambda self: not isinstance(self.outcome, Won | Lost))
    @rule(amount=amounts)
    def win(self, amount: Money) -> None:
        self.decided(WinDeal(**AS_CAM, deal_id="deal_1", amount=amount))

    @precondition(lambda self: not isinstance(self.outcome, Won))
    @rule()
    def lose(self) -> None:
        self.decided(LoseDeal(**AS_CAM, deal_id="deal_1", personal=WHY))

    @precondition(lambda self: isinstance(self.outcome, Won))
    @rule(amount=amounts)
    def amend(self, amount: Money) -> None:
        self.decided(AmendDeal(**AS_CAM, deal_id="deal_1", amount=amount, effective_at=NOW, personal=WHY))

    @rule()
    def reopen(self) -> None:
        self.decided(ReopenDeal(**AS_CAM, deal_id="deal_1", personal=WHY, turns=TURNS))

    @invariant()
    def bookings_sum_to_what_is_won(self) -> None:
        worth = self.outcome.booked.minor if isinstance(self.outcome, Won) else 0
        assert revenue(self.facts) == worth

    @invariant()
    def the_lead_is_closed_with_its_deal(self) -> None:
        assert isinstance(self.state, Closed if isinstance(self.outcome, Won | Lost) else Open)


TestBookings: Any = Bookings.TestCase
TestBookings.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)

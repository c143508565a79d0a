from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leadway.attribution.projection import Booking, Chain, evolve
from leadway.facts import Envelope, Fact, dealreg, ingest, router, scoring
from leadway.facts.delivery import NotificationDue
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import CampaignSaid, Company, Money, Touch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EUR = "EUR"


def touch(said: str | None = None, hours: int = 0) -> Touch:
    campaign = CampaignSaid() if said is None else CampaignSaid(said=(said,))
    return Touch(kind="form.submitted", occurred_at=NOW + hours * HOUR, campaign=campaign)


def captured(said: str | None = "spring") -> ingest.LeadCaptured:
    return ingest.LeadCaptured(
        lead_id="lead_1",
        person_id="per_1",
        source_id="src_1",
        company=Company(country="DE"),
        touch=touch(said),
        personal=seal(SubmissionDetails(person=Person(email="ada@example.com"))),
    )


def touched(said: str | None, hours: int = 0) -> ingest.LeadTouched:
    return ingest.LeadTouched(lead_id="lead_1", person_id="per_1", source_id="src_1", touch=touch(said, hours))


REGISTERED = dealreg.DealRegistered(lead_id="lead_1", deal_id="deal_1", partner_id="ptr_1", amount=Money(90, EUR))
WON = dealreg.DealWon(lead_id="lead_1", deal_id="deal_1", amount=Money(100, EUR), closed_at=NOW + 5 * HOUR)
AMENDED = dealreg.DealAmended(
    lead_id="lead_1",
    deal_id="deal_1",
    amount=Money(80, EUR),
    previous=Money(100, EUR),
    effective_at=NOW + 6 * HOUR,
)
REOPENED = dealreg.DealReopened(lead_id="lead_1", deal_id="deal_1", booked=Money(80, EUR))


def chain_of(*facts: Fact) -> Chain:
    chain = Chain()
    for number, fact in enumerate(facts, 1):
        chain = evolve(
            chain,
            Envelope(
                id=f"fact_{number}",
                type=fact.wire,
                source=fact.source,
                subject="lead_1",
                time=NOW + number * HOUR,
                sequence=number,
                cause="x",
                correlation="x",
                actor="service:test",
                data=fact,
            ),
        )
    return chain


def test_each_link_names_its_fact() -> None:
    assigned = router.LeadAssigned(
        lead_id="lead_1",
        assignment_id="asg_1",
        partner_id="ptr_1",
        tier="gold",
        method="round_robin",
        partner_version=1,
        decision=router.Decision(asked="qualified"),
    )
    accepted = router.LeadAccepted(lead_id="lead_1", assignment_id="asg_1", partner_id="ptr_1")
    qualified = scoring.LeadQualified(lead_id="lead_1", score=80, model_version=1, label="hot")
    chain = chain_of(captured(), qualified, assigned, accepted, REGISTERED, WON)
    assert chain.began is not None
    assert chain.qualification is not None
    hold = chain.assignments[0]
    assert hold.accepted is not None
    assert (chain.began.fact_id, chain.qualification.fact_id, hold.began.fact_id, hold.accepted.fact_id) == (
        "fact_1",
        "fact_2",
        "fact_3",
        "fact_4",
    )
    assert [link.type for link in chain.deals["deal_1"].links] == ["deal.registered", "deal.won"]


def test_a_deal_is_booked_at_the_dates_of_its_bookings() -> None:
    deal = chain_of(captured(), REGISTERED, WON, AMENDED, REOPENED).deals["deal_1"]
    assert deal.bookings == (
        Booking(fact_id="fact_3", type="deal.won", at=NOW + 5 * HOUR, amount=Money(100, EUR)),
        Booking(fact_id="fact_4", type="deal.amended", at=NOW + 6 * HOUR, amount=Money(-20, EUR)),
        Booking(fact_id="fact_5", type="deal.reopened", at=NOW + 5 * HOUR, amount=Money(-80, EUR)),
    )
    assert (deal.outcome, sum(booking.amount.minor for booking in deal.bookings)) == ("open", 0)


def test_a_lost_deal_that_is_reopened_books_nothing() -> None:
    lost = dealreg.DealLost(lead_id="lead_1", deal_id="deal_1")
    reopened = dealreg.DealReopened(lead_id="lead_1", deal_id="deal_1")
    assert chain_of(REGISTERED, lost, reopened).deals["deal_1"].bookings == ()


def test_a_deal_that_a_partner_brought_begins_its_lead() -> None:
    brought = dealreg.DealRegistered(
        lead_id="lead_1",
        deal_id="deal_1",
        partner_id="ptr_1",
        origin="partner",
        originated=True,
        company=Company(country="PL"),
        amount=Money(1, EUR),
    )
    chain = chain_of(brought)
    assert chain.began is not None
    assert (chain.began.origin, chain.company.country) == ("partner", "PL")


def test_touches_that_name_no_campaign_go_first_when_there_are_too_many() -> None:
    chain = chain_of(captured(), *[touched(None, hour) for hour in range(500)], touched("autumn", 600))
    assert len(chain.touches) == 400
    assert [link.fact_id for link in chain.touches if link.campaign.said] == ["fact_1", "fact_502"]


def test_nothing_personal_is_kept() -> None:
    assert b"ada" not in repr(chain_of(captured())).encode()


def test_what_is_no_link_changes_nothing() -> None:
    told = NotificationDue(lead_id="lead_1", fact_id="f", fact_type="t", fact_time=NOW, endpoints=())
    assert chain_of(told) == Chain()

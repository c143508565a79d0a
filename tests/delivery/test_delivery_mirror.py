from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from leadway.delivery.decider import Notify
from leadway.delivery.store import complete
from leadway.delivery.translate import SUBSCRIBABLE, Lead, reflect, translate
from leadway.facts import Envelope, Fact, dealreg, ingest, router, sla_timer
from leadway.facts.delivery import DueEndpoint, EndpointChanged, NotificationDue
from leadway.facts.personal import Person, SubmissionDetails, seal, unseal
from leadway.facts.terms import CampaignSaid, Company, Money, Touch
from leadway.stage import Around, Catalogs
from leadway.stage._catalogs import Snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = SubmissionDetails(person=Person(email="ada@example.com"), url="https://example.com/?q=ada", fields={"size": "9"})
CAPTURED = ingest.LeadCaptured(
    lead_id="lead_1",
    person_id="per_1",
    source_id="src_1",
    company=Company(name="Acme", country="DE"),
    touch=Touch(kind="form.submitted", occurred_at=NOW, campaign=CampaignSaid(campaign_id="cmp_1")),
    personal=seal(ADA),
)
DECISION = router.Decision(asked="qualified")


def envelope(fact: Fact, number: int = 1) -> Envelope:
    return Envelope(
        id=f"fact_{number}",
        type=fact.wire,
        source=fact.source,
        subject="lead_1",
        time=NOW,
        sequence=number,
        cause="x",
        correlation="x",
        actor="service:test",
        data=fact,
    )


def lead_after(*facts: Fact) -> Lead:
    lead = Lead()
    for number, fact in enumerate(facts, 1):
        lead = reflect(lead, envelope(fact, number))
    return lead


def assigned(partner_id: str, assignment_id: str, **more: object) -> router.LeadAssigned:
    return router.LeadAssigned(
        lead_id="lead_1",
        assignment_id=assignment_id,
        partner_id=partner_id,
        tier="gold",
        method="round_robin",
        partner_version=1,
        decision=DECISION,
        **more,  # type: ignore[arg-type]
    )


def reclaimed(partner_id: str, assignment_id: str) -> router.LeadReclaimed:
    return router.LeadReclaimed(
        lead_id="lead_1",
        assignment_id=assignment_id,
        partner_id=partner_id,
        clock="accept",
        due_at=NOW,
        breach="fact_9",
    )


def logged(assignment_id: str) -> dealreg.ActivityLogged:
    return dealreg.ActivityLogged(
        lead_id="lead_1", assignment_id=assignment_id, activity_id="act_1", kind="call", logged_at=NOW, attempt=True
    )


def test_only_the_person_is_kept_of_what_was_submitted() -> None:
    lead = lead_after(CAPTURED)
    details = unseal(lead.person, SubmissionDetails)
    assert details == SubmissionDetails(person=Person(email="ada@example.com"))


def test_before_a_hold_no_partner_is_told() -> None:
    assert lead_after(CAPTURED).history[-1].audience == ()


def test_the_holder_is_told_of_its_lead() -> None:
    lead = lead_after(CAPTURED, assigned("ptr_1", "asg_1"), logged("asg_1"))
    assert [seen.audience for seen in lead.history] == [(), ("ptr_1",), ("ptr_1",)]


def test_who_lost_the_hold_is_told_that_and_nothing_after() -> None:
    lead = lead_after(
        CAPTURED,
        assigned("ptr_1", "asg_1"),
        reclaimed("ptr_1", "asg_1"),
        assigned("ptr_2", "asg_2"),
    )
    assert [(seen.audience, seen.ended) for seen in lead.history[-2:]] == [(("ptr_1",), True), (("ptr_2",), False)]


def test_a_late_fact_of_an_ended_hold_is_not_the_next_holders_business() -> None:
    stopped = sla_timer.SlaStopped(
        lead_id="lead_1",
        clock="accept",
        assignment_id="asg_1",
        partner_id="ptr_1",
        policy="p",
        policy_version=1,
        due_at=NOW,
        reason="lead.reclaimed",
        stopped_by="fact_3",
    )
    lead = lead_after(assigned("ptr_1", "asg_1"), reclaimed("ptr_1", "asg_1"), assigned("ptr_2", "asg_2"), stopped)
    assert lead.history[-1].audience == ()
    assert lead_after(assigned("ptr_2", "asg_2"), logged("asg_1")).history[-1].audience == ()


def test_those_who_may_claim_are_told_of_the_pool() -> None:
    pooled = router.LeadPooled(
        lead_id="lead_1", pooling_id="pool_1", eligible=("ptr_1", "ptr_2"), step_index=0, decision=DECISION
    )
    lead = lead_after(CAPTURED, pooled)
    assert lead.history[-1].audience == ("ptr_1", "ptr_2")
    assert "eligible" not in lead.history[-1].change


def test_another_partners_deal_is_none_of_the_holders_business() -> None:
    registered = dealreg.DealRegistered(
        lead_id="lead_1", deal_id="deal_1", partner_id="ptr_2", amount=Money(100, "EUR")
    )
    conflicted = dealreg.DealConflicted(lead_id="lead_1", deal_id="deal_1", with_partner_id="ptr_1")
    lead = lead_after(assigned("ptr_1", "asg_1"), registered, conflicted)
    assert [seen.audience for seen in lead.history[1:]] == [(), ()]
    assert lead.history[-1].change == {"deal_id": "deal_1"}


def test_history_is_bounded() -> None:
    lead = lead_after(*[CAPTURED] * 100)
    assert len(lead.history) == 48


def test_the_lead_follows_its_router_state() -> None:
    accepted = router.LeadAccepted(lead_id="lead_1", assignment_id="asg_1", partner_id="ptr_1")
    closed = dealreg.LeadClosed(lead_id="lead_1", outcome="lost")
    released = router.LeadReleased(
        lead_id="lead_1", assignment_id="asg_1", partner_id="ptr_1", outcome="lost", closed_by="fact_4"
    )
    facts = [CAPTURED, assigned("ptr_1", "asg_1", reveal="accepted"), accepted, closed, released]
    states = [lead_after(*facts[:count]).state for count in range(1, 6)]
    assert states == ["unrouted", "assigned", "accepted", "closed", "closed"]
    assert lead_after(*facts).hold is None


@dataclass(frozen=True)
class Surroundings:
    mirror: Lead
    catalogs: Catalogs


class TestSubscriptions:
    admin = EndpointChanged(entity_id="end_a", version=2, url="https://example.com", types=("*",))
    holder = EndpointChanged(
        entity_id="end_p", version=5, url="https://example.com", types=("lead.assigned",), partner_id="ptr_1"
    )
    paused = EndpointChanged(entity_id="end_q", version=1, url="https://example.com", types=("*",), status="paused")
    gone = EndpointChanged(entity_id="end_r", version=1, url="https://example.com", types=("*",), status="deleted")

    def told(self, *facts: Fact) -> tuple[DueEndpoint, ...]:
        last = envelope(facts[-1], len(facts))
        endpoints = Snapshot(1, {}).with_entries([self.admin, self.holder, self.paused, self.gone])
        around = cast("Around", Surroundings(lead_after(*facts), endpoints))
        command = translate(last)
        assert isinstance(command, Notify)
        subject, completed = complete(command, around)
        assert subject == "lead_1"
        assert isinstance(completed, Notify)
        return completed.endpoints

    def test_the_vendors_endpoints_are_told_everything_also_while_paused(self) -> None:
        assert [endpoint.endpoint_id for endpoint in self.told(CAPTURED)] == ["end_a", "end_q"]

    def test_a_partners_endpoint_is_told_what_it_asked_for(self) -> None:
        told = self.told(CAPTURED, assigned("ptr_1", "asg_1"))
        assert [(endpoint.endpoint_id, endpoint.version) for endpoint in told] == [
            ("end_a", 2),
            ("end_p", 5),
            ("end_q", 1),
        ]
        assert len(self.told(CAPTURED, assigned("ptr_1", "asg_1"), logged("asg_1"))) == 2

    def test_delivery_never_tells_of_itself(self) -> None:
        own = NotificationDue(lead_id="lead_1", fact_id="f", fact_type="t", fact_time=NOW, endpoints=())
        assert translate(envelope(own)) is None
        assert "notification.due" not in SUBSCRIBABLE
        assert "lead.assigned" in SUBSCRIBABLE

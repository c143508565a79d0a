"""A decision in the making: facts that follow one another, each seeing what the one before did to shared keys."""

from __future__ import annotations

from typing import Literal

from leadway.facts.personal import Sealed
from leadway.facts.router import (
    Decision,
    LeadAssigned,
    LeadDeclined,
    LeadPooled,
    LeadReclaimed,
    LeadReleased,
    LeadRetained,
    LeadUnroutable,
    LeadWithdrawn,
    PartnerChanged,
    Reveal,
    RotationTurn,
)
from leadway.facts.terms import KeyTurn
from leadway.router.decider._commands import Scene
from leadway.router.decider._state import Hold
from leadway.router.policy.distribution import Offer, ToNobody, ToPartner, ToPool, ToQueue
from leadway.router.policy.routing import Resume, Routed, route
from leadway.router.policy.spanning import Ledger

# A lead that is the partner's already: it need not accept it, and no deadline runs.
_THEIRS = frozenset({"originated", "reopened"})

Ending = LeadDeclined | LeadReclaimed | LeadReleased | LeadWithdrawn
Where = LeadAssigned | LeadPooled | LeadRetained | LeadUnroutable


class Draft:
    """Lives for one decision."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ledger = Ledger(scene.read)

    def freed(self, hold: Hold) -> tuple[KeyTurn, ...]:
        """The keys that the end of this hold gives back."""
        return self.ledger.free(hold.partner_id, hold.company_id)

    def after(self, ending: Ending) -> Ending:
        """Go on from the end of a hold."""
        self.ledger.note(ending)
        return ending

    def routed(
        self, asked: str, excluded: tuple[str, ...], *, resume: Resume | None = None, why: Sealed | None = None
    ) -> Where:
        """Where the lead goes by consent, origin, company and rules."""
        scene = self.scene
        offer = Offer(scene.interest, scene.network.partners, self.ledger, excluded)
        routed = route(offer, scene.network, self.decision(asked, excluded), resume)
        outcome = routed.outcome
        if isinstance(outcome, ToPartner):
            return self._to_partner(outcome, routed, why)
        if isinstance(outcome, ToPool):
            return self._to_pool(outcome, routed, why)
        if isinstance(outcome, ToQueue):
            return self.retained(outcome.queue, outcome.reason, routed.decision, why)
        return self._to_nobody(outcome, routed, why)

    def decision(self, asked: str, excluded: tuple[str, ...]) -> Decision:
        """A decision of which only is known what was asked."""
        rules = self.scene.network.rules
        return Decision(
            asked=asked, excluded=excluded, input=self.scene.input_id, rules_version=rules.version if rules else 0
        )

    def retained(self, queue: str, reason: str, decision: Decision, why: Sealed | None = None) -> LeadRetained:
        """The vendor keeps the lead."""
        scene = self.scene
        return LeadRetained(
            at=scene.now, lead_id=scene.lead_id, queue=queue, reason=reason, decision=decision, personal=why
        )

    def assigned(
        self,
        partner: PartnerChanged,
        method: str,
        decision: Decision,
        *,
        turn: RotationTurn | None = None,
        step_index: int | None = None,
        reveal: Reveal = "assigned",
        why: Sealed | None = None,
    ) -> LeadAssigned:
        """A partner gets the lead."""
        scene = self.scene
        interest = scene.interest
        theirs = method in _THEIRS
        return LeadAssigned(
            at=scene.now,
            lead_id=scene.lead_id,
            assignment_id=scene.assignment_id,
            partner_id=partner.entity_id,
            tier=partner.tier,
            method=method,
            partner_version=partner.version,
            clocks=not theirs,
            accepted=theirs,
            reveal=reveal,
            rule=decision.rule,
            step_index=step_index,
            company_id=interest.company_id,
            product=interest.product,
            turn=turn,
            keys=self.ledger.take(partner.entity_id, interest.company_id),
            decision=decision,
            personal=why,
        )

    def withdrawn(
        self, hold: Hold, reason: Literal["assign", "retain", "reroute", "consent"], why: Sealed | None
    ) -> Ending:
        """The lead is taken away from its holder."""
        return self.after(
            LeadWithdrawn(
                at=self.scene.now,
                lead_id=self.scene.lead_id,
                assignment_id=hold.assignment_id,
                partner_id=hold.partner_id,
                product=hold.product,
                keys=self.freed(hold),
                reason=reason,
                personal=why,
            )
        )

    def _to_partner(self, outcome: ToPartner, routed: Routed, why: Sealed | None) -> LeadAssigned:
        return self.assigned(
            outcome.partner,
            outcome.method,
            routed.decision,
            turn=outcome.turn,
            step_index=routed.step_index,
            reveal=routed.reveal,
            why=why,
        )

    def _to_pool(self, outcome: ToPool, routed: Routed, why: Sealed | None) -> LeadPooled:
        scene = self.scene
        return LeadPooled(
            at=scene.now,
            lead_id=scene.lead_id,
            pooling_id=scene.pooling_id,
            eligible=outcome.eligible,
            claim_within_seconds=outcome.within_seconds,
            step_index=routed.step_index or 0,
            reveal=routed.reveal,
            company_id=scene.interest.company_id,
            product=scene.interest.product,
            decision=routed.decision,
            personal=why,
        )

    def _to_nobody(self, outcome: ToNobody, routed: Routed, why: Sealed | None) -> LeadUnroutable:
        scene = self.scene
        return LeadUnroutable(
            at=scene.now, lead_id=scene.lead_id, reason=outcome.reason, decision=routed.decision, personal=why
        )

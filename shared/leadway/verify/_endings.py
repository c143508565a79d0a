"""I3: each assignment ends in at most one way, and each that ended says how."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadway.facts import Fact
from leadway.facts.dealreg import LeadClosed, LeadReopened
from leadway.facts.router import LeadAccepted, LeadAssigned, LeadClaimed
from leadway.verify._owners import ENDINGS
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict


@dataclass(slots=True)
class _Assignment:
    lead: str
    partner_id: str
    began: str
    ended: str = ""


@dataclass(slots=True)
class _Lead:
    assignments: dict[str, _Assignment] = field(default_factory=dict[str, _Assignment])
    closed: str = ""
    held_when_closed: str | None = None


class Endings:
    """Judges I3. `settled`: all that follows from the log was decided, so a closed lead's hold must have ended."""

    def __init__(self, *, settled: bool = False, parked: frozenset[str] = frozenset()) -> None:
        self._found = Findings("I3", "each assignment ends in at most one way, and says how")
        self._found.looked_at |= {"assignments": 0, "ended": 0}
        self._settled = settled
        self._parked = parked
        self._leads: dict[str, _Lead] = {}

    def take(self, seen: Seen) -> None:
        """Fold the assignments of the lead."""
        fact = seen.envelope.data
        match fact:
            case LeadAssigned() | LeadClaimed():
                self._begun(self._lead(seen), fact, seen)
            case LeadAccepted():
                self._named(self._lead(seen), fact.assignment_id, fact, seen)
            case _ if isinstance(fact, ENDINGS):
                assignment = self._named(self._lead(seen), fact.assignment_id, fact, seen)
                if assignment is not None:
                    self._found.look("ended")
                    assignment.ended = f"{seen.envelope.type} at {seen.place}"
            case LeadClosed():
                lead = self._lead(seen)
                lead.closed, lead.held_when_closed = seen.place, fact.assignment_id
            case LeadReopened():
                self._lead(seen).closed = ""
            case _:
                pass

    def partition_ends(self) -> None:
        """A lead that closed is held by nobody any more; then forget the leads."""
        for name, lead in self._leads.items():
            open_ = lead.assignments.get(lead.held_when_closed or "")
            if lead.closed and open_ is not None and not open_.ended and self._settled and name not in self._parked:
                self._found.violated(
                    f"{name}: closed at {lead.closed}, and nothing says how {lead.held_when_closed} ended"
                )
        self._leads = {}

    def verdict(self) -> Verdict:
        """After the last partition."""
        return self._found.verdict()

    def _lead(self, seen: Seen) -> _Lead:
        return self._leads.setdefault(seen.envelope.subject, _Lead())

    def _begun(self, lead: _Lead, fact: LeadAssigned | LeadClaimed, seen: Seen) -> None:
        self._found.look("assignments")
        known = lead.assignments.get(fact.assignment_id)
        if known is not None:
            self._found.violated(
                f"{known.lead}: {fact.assignment_id} began at {known.began}, and once more at {seen.place}"
            )
        lead.assignments[fact.assignment_id] = _Assignment(seen.envelope.subject, fact.partner_id, seen.place)

    def _named(self, lead: _Lead, assignment_id: str, fact: Fact, seen: Seen) -> _Assignment | None:
        """The assignment that a fact speaks of, which must have begun and not ended."""
        what = f"{seen.envelope.subject}: {fact.wire} at {seen.place} is about {assignment_id}, which"
        known = lead.assignments.get(assignment_id)
        if known is None:
            self._found.violated(f"{what} never began")
        elif known.ended:
            self._found.violated(f"{what} had ended by {known.ended}")
        return known

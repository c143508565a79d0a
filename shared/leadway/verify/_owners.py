"""I2: a lead never has two active owners, and what clients were told of claims could have happened in that order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leadway.facts.router import LeadAssigned, LeadClaimed, LeadDeclined, LeadReclaimed, LeadReleased, LeadWithdrawn
from leadway.verify._claims import Begin, judge_claims
from leadway.verify._record import Operation
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict

ENDINGS = (LeadDeclined, LeadReclaimed, LeadWithdrawn, LeadReleased)


class _Hold(NamedTuple):
    assignment_id: str
    partner_id: str
    place: str


class Owners:
    """Judges I2. `operations`: the claims that clients recorded; others are passed over."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self._found = Findings("I2", "a lead never has two active owners; claims are linearizable")
        self._holds: dict[str, _Hold] = {}
        self._begins: dict[str, list[Begin]] = defaultdict(list)
        self._claims: dict[str, list[Operation]] = defaultdict(list)
        for one in operations:
            if one.op == "claim" and one.lead is not None:
                self._claims[one.lead].append(one)
        self._found.looked_at |= {"holds": 0, "claims recorded": sum(map(len, self._claims.values()))}

    def take(self, seen: Seen) -> None:
        """Fold who holds the lead."""
        fact, lead = seen.envelope.data, seen.envelope.subject
        match fact:
            case LeadAssigned() | LeadClaimed():
                self._begun(lead, fact, seen.place)
            case _ if isinstance(fact, ENDINGS):
                hold = self._holds.get(lead)
                if hold is not None and hold.assignment_id == fact.assignment_id:
                    del self._holds[lead]
            case _:
                pass

    def partition_ends(self) -> None:
        """Forget its leads."""
        self._holds = {}

    def verdict(self) -> Verdict:
        """After the last partition: claims are judged when all holds are known."""
        for lead, claims in self._claims.items():
            begins: Sequence[Begin] = self._begins.get(lead, ())
            for evidence in judge_claims(lead, claims, begins):
                self._found.violated(evidence)
        return self._found.verdict()

    def _begun(self, lead: str, fact: LeadAssigned | LeadClaimed, place: str) -> None:
        self._found.look("holds")
        held = self._holds.get(lead)
        if held is not None:
            self._found.violated(
                f"{lead}: {fact.assignment_id} of {fact.partner_id} began at {place} while {held.partner_id} held it "
                f"by {held.assignment_id} since {held.place}"
            )
        self._holds[lead] = _Hold(fact.assignment_id, fact.partner_id, place)
        if lead in self._claims:
            self._begins[lead].append(Begin(fact.assignment_id, fact.partner_id, isinstance(fact, LeadClaimed)))

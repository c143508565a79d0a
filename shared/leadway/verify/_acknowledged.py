"""I1: each acknowledged capture is on the log exactly once for its submission, none invented.

Beside captures, every other command that was answered as done must have left its fact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leadway.facts import CatalogFact, Fact
from leadway.facts.dealreg import (
    ActivityLogged,
    DealAmended,
    DealApproved,
    DealLost,
    DealRegistered,
    DealRejected,
    DealReopened,
    DealReturned,
    DealWon,
    LeadClosed,
    OpportunityOpened,
)
from leadway.facts.ingest import LeadCaptured, LeadTouched
from leadway.facts.personal import SubmissionDetails, unseal
from leadway.facts.router import LeadAccepted, LeadAssigned, LeadClaimed, LeadDeclined
from leadway.verify._record import Operation
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict

Token = tuple[str, ...]
"""What an acknowledgement promises: that a fact like this is on the log."""

_CAPTURED = ("captured", "touched", "duplicate")
_OF_DEALS: dict[type[Fact], str] = {
    DealApproved: "approve",
    DealReturned: "return",
    DealRejected: "reject",
    DealWon: "win",
    DealLost: "lose",
    DealReopened: "reopen",
}
_NAMED_BY = {"activity": "activity_id", "opportunity": "opportunity_id", "register": "deal_id", "deal": "deal_id"}


@dataclass(slots=True)
class _Source:
    """What the log holds of one source."""

    facts: int = 0
    places: dict[str, str] = field(default_factory=dict[str, str])  # a submission's digest → where it is


class Acknowledged:
    """Judges I1. `complete`: nobody but the record's client sent leads to the sources that it sent to."""

    def __init__(self, operations: Iterable[Operation] = (), *, complete: bool = False) -> None:
        self._found = Findings("I1", "each acknowledged capture is on the log exactly once, none invented")
        self._complete = complete
        self._owed: dict[Token, Operation] = {}
        self._captures: list[Operation] = []
        self._keyed: list[Operation] = []
        self._leads: dict[str, str] = {}  # captured lead → its source
        self._places: dict[str, str] = {}
        self._touches: Counter[str] = Counter()
        self._sources: dict[str, _Source] = defaultdict(_Source)
        for one in operations:
            if one.op == "capture":
                self._captures.append(one)
            elif one.key is not None:
                self._keyed.append(one)
            if one.outcome == "done":
                self._owed.update(dict.fromkeys(_owed(one), one))
        self._found.looked_at |= {"captures": 0, "touches": 0, "acknowledgements": len(self._owed)}

    def take(self, seen: Seen) -> None:
        """Strike off what the fact keeps of what was promised."""
        fact = seen.envelope.data
        if isinstance(fact, LeadCaptured):
            self._captured(fact, seen)
        elif isinstance(fact, LeadTouched):
            self._found.look("touches")
            self._touches[fact.lead_id] += 1
            self._submitted(fact, seen)
        if self._owed:
            for token in _kept(fact):
                self._owed.pop(token, None)

    def partition_ends(self) -> None:
        """Captures are compared over all partitions."""

    def verdict(self) -> Verdict:
        """After the last partition."""
        for token, one in self._owed.items():
            told = ", ".join(token[1:])
            self._found.violated(
                f"request {one.n}, {one.op}, was told that it is done ({told}); the log says no such thing"
            )
        self._same_submission()
        self._same_request()
        self._counted()
        return self._found.verdict()

    def _captured(self, fact: LeadCaptured, seen: Seen) -> None:
        self._found.look("captures")
        if fact.lead_id in self._leads:
            self._found.violated(f"{fact.lead_id}: captured at {self._places[fact.lead_id]}, and again at {seen.place}")
        self._leads[fact.lead_id] = fact.source_id
        self._places[fact.lead_id] = seen.place
        self._submitted(fact, seen)

    def _submitted(self, fact: LeadCaptured | LeadTouched, seen: Seen) -> None:
        source = self._sources[fact.source_id]
        source.facts += 1
        details = unseal(fact.personal, SubmissionDetails)
        digest = details.submission_digest if details else None
        if digest is None:
            return
        here = f"{seen.place} ({fact.lead_id})"
        if digest in source.places:
            self._found.violated(
                f"one submission to {fact.source_id} is on the log at {source.places[digest]} and at {here}"
            )
        source.places[digest] = here

    def _same_submission(self) -> None:
        """A submission that was sent again is answered with the same lead."""
        answers: dict[str, Operation] = {}
        for one in self._captures:
            if one.outcome != "done" or one.key is None or one.lead is None:
                continue
            first = answers.setdefault(one.key, one)
            if first.lead != one.lead:
                self._found.violated(
                    f"submission {one.key} was answered with {first.lead} (request {first.n}) and with {one.lead} "
                    f"(request {one.n})"
                )

    def _same_request(self) -> None:
        """A command that was sent again under its key is answered with what was made the first time."""
        made: dict[tuple[str, str, str], tuple[str, int]] = {}
        for one in self._keyed:
            named = _NAMED_BY.get(one.op)
            if one.outcome != "done" or one.key is None or named is None or named not in one.answer:
                continue
            here = str(one.answer[named])
            first, n = made.setdefault((one.op, one.key, one.subject or ""), (here, one.n))
            if first != here:
                self._found.violated(
                    f"{one.op} under the key {one.key} was answered with {first} (request {n}) and with {here} "
                    f"(request {one.n})"
                )

    def _counted(self) -> None:
        """As many submissions on the log as were sent: an acknowledged one that named another's lead shows here."""
        sources = {self._leads[one.lead] for one in self._captures if one.lead in self._leads}
        if not sources:
            return
        acknowledged = {_submission(one) for one in self._captures if _counts(one)}
        perhaps = {_submission(one) for one in self._captures if one.outcome == "unknown"} - acknowledged
        on_log = sum(self._sources[source].facts for source in sources)
        told = f"{on_log} submissions of {', '.join(sorted(sources))} are on the log, {len(acknowledged)} were"
        if on_log < len(acknowledged):
            self._found.violated(f"{told} acknowledged")
        if self._complete and on_log > len(acknowledged) + len(perhaps):
            self._found.violated(f"{told} acknowledged, and of {len(perhaps)} nobody knows")


def _submission(one: Operation) -> str:
    return one.key or f"#{one.n}"


def _counts(one: Operation) -> bool:
    return one.outcome == "done" and one.answer.get("outcome") in _CAPTURED


def _owed(one: Operation) -> Iterator[Token]:
    """What a done operation promises, as far as it follows from the answer alone."""
    subject = one.subject or one.answer.get("deal_id") or one.lead or ""
    match one.op:
        case "capture" if one.answer.get("outcome") in _CAPTURED and one.lead:
            yield "lead", one.lead
            if one.answer["outcome"] == "touched":
                yield "touched", one.lead
        case "accept" | "decline" if one.partner_id and one.lead:
            yield one.op, one.lead, one.partner_id
        case "activity" | "opportunity" | "register" | "deal" if _NAMED_BY[one.op] in one.answer:
            yield _NAMED_BY[one.op], one.answer[_NAMED_BY[one.op]]
        case "approve" | "return" | "reject" | "win" | "lose":
            yield one.op, subject
        case "reopen" if subject.startswith("deal_"):
            yield one.op, subject
        case "amend" if "amount" in one.asked:
            yield "amount", subject, str(one.asked["amount"]["minor"])
        case "close" if one.lead:
            yield "close", one.lead
        case "endpoint" | "partner" | "campaign" | "source" if "id" in one.answer:
            yield "entry", one.answer["id"]
        case _:
            return


def _kept(fact: Fact) -> Iterator[Token]:
    """What the fact makes good."""
    match fact:
        case LeadCaptured():
            yield "lead", fact.lead_id
        case LeadTouched():
            yield "touched", fact.lead_id
        case LeadAccepted() | LeadClaimed() | LeadAssigned():
            if not isinstance(fact, LeadAssigned) or fact.accepted:  # such a hold needs no acceptance any more
                yield "accept", fact.lead_id, fact.partner_id
        case LeadDeclined():
            yield "decline", fact.lead_id, fact.partner_id
        case ActivityLogged():
            yield "activity_id", fact.activity_id
        case OpportunityOpened():
            yield "opportunity_id", fact.opportunity_id
        case LeadClosed():
            yield "close", fact.lead_id
        case CatalogFact():
            yield "entry", fact.entity_id
        case _:
            yield from _of_a_deal(fact)


def _of_a_deal(fact: Fact) -> Iterator[Token]:
    match fact:
        case DealRegistered():
            yield "deal_id", fact.deal_id
        case DealWon() | DealAmended():
            yield "amount", fact.deal_id, str(fact.amount.minor)
        case _:
            pass
    if type(fact) in _OF_DEALS and isinstance(
        fact, DealApproved | DealReturned | DealRejected | DealWon | DealLost | DealReopened
    ):
        yield _OF_DEALS[type(fact)], fact.deal_id

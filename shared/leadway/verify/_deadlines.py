"""I4: no reclaim before its deadline, nor after a contact that was acknowledged as logged in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from leadway.facts.dealreg import ActivityLogged, ContactMissed
from leadway.facts.router import AcceptanceMissed, ClaimMissed, LeadAccepted, LeadAssigned, LeadClaimed, LeadReclaimed
from leadway.facts.sla_timer import SlaBreached, SlaDue, SlaReminded, SlaStarted
from leadway.verify._record import Operation
from leadway.verify._seen import Seen
from leadway.verify._verdict import Findings, Verdict

# What of the record is work that a clock waits for.
_WORK = {"first_contact": "activity", "accept": "accept"}
_NO_ATTEMPT = "note"
_OF_DEADLINES = (SlaDue, SlaBreached, AcceptanceMissed, ClaimMissed, ContactMissed, LeadReclaimed)
_CLOCKS_APART = timedelta(seconds=1)


class _Done(NamedTuple):
    at: datetime
    place: str


class _Missed(NamedTuple):
    clock: str
    runs_for: str
    due_at: datetime
    at: datetime | None  # when it was said; None: the fact does not tell
    place: str


@dataclass(slots=True)
class _Lead:
    started: dict[tuple[str, str], SlaStarted] = field(default_factory=dict[tuple[str, str], SlaStarted])
    done: dict[tuple[str, str], list[_Done]] = field(default_factory=dict[tuple[str, str], list[_Done]])
    missed: list[_Missed] = field(default_factory=list[_Missed])
    answers: set[str] = field(default_factory=set[str])  # the facts that say so
    breaches: dict[str, SlaBreached] = field(default_factory=dict[str, SlaBreached])
    reclaims: list[tuple[LeadReclaimed, Seen]] = field(default_factory=list[tuple[LeadReclaimed, Seen]])

    def did(self, clock: str, runs_for: str | None, at: datetime | None, place: str) -> None:
        if runs_for is not None and at is not None:
            self.done.setdefault((clock, runs_for), []).append(_Done(at, place))


class Deadlines:
    """Judges I4, and that reminders and answers to deadlines are not early.

    Contacts in `operations` were answered by the client's clock: one that runs behind the database's would accuse
    wrongly.
    """

    def __init__(self, operations: Iterable[Operation] = (), *, now: Callable[[], datetime] | None = None) -> None:
        """`now` is asked when a deadline lies ahead of what is known of the time: nothing can have followed from it."""
        self._found = Findings("I4", "no reclaim before its deadline, nor after work logged in time")
        self._now = now
        self._leads: dict[str, _Lead] = {}
        self._told: dict[tuple[str, str | None], list[Operation]] = defaultdict(list)
        for one in operations:
            if one.outcome == "done" and one.op in _WORK.values() and one.asked.get("kind") != _NO_ATTEMPT and one.lead:
                self._told[one.lead, one.partner_id].append(one)
        told = sum(map(len, self._told.values()))
        self._found.looked_at |= {"deadlines": 0, "reclaims": 0, "contacts recorded": told}

    def take(self, seen: Seen) -> None:  # noqa: C901, PLR0912 a branch for each fact
        """Fold the lead's clocks and what was done by them."""
        fact, place = seen.envelope.data, seen.place
        lead = self._leads.setdefault(seen.envelope.subject, _Lead())
        if isinstance(fact, _OF_DEADLINES):
            self._ahead(fact.due_at, seen)
        if isinstance(fact, AcceptanceMissed | ClaimMissed | ContactMissed):
            lead.answers.add(seen.envelope.id)
        match fact:
            case SlaStarted():
                self._found.look("deadlines")
                lead.started[fact.clock, fact.assignment_id or fact.pooling_id or ""] = fact
            case SlaReminded() if fact.reminded_at is not None and fact.reminded_at < fact.remind_at:
                early = f"said at {fact.reminded_at.isoformat()}, planned for {fact.remind_at.isoformat()}"
                self._found.violated(f"{seen.envelope.subject}: the reminder at {place} was early: {early}")
            case SlaBreached():
                lead.breaches[seen.envelope.id] = fact
            case AcceptanceMissed():
                lead.missed.append(_Missed("accept", fact.assignment_id, fact.due_at, fact.at, place))
            case ClaimMissed():
                lead.missed.append(_Missed("claim", fact.pooling_id, fact.due_at, fact.at, place))
            case ContactMissed():
                lead.missed.append(_Missed("first_contact", fact.assignment_id, fact.due_at, None, place))
            case ActivityLogged() if fact.attempt:
                lead.did("first_contact", fact.assignment_id, fact.logged_at, place)
            case LeadAccepted():
                lead.did("accept", fact.assignment_id, fact.at, place)
            case LeadAssigned() if fact.accepted:
                lead.did("accept", fact.assignment_id, fact.at, place)
            case LeadClaimed():
                lead.did("accept", fact.assignment_id, fact.at, place)
                lead.did("claim", fact.pooling_id, fact.at, place)
            case LeadReclaimed():
                self._found.look("reclaims")
                lead.reclaims.append((fact, seen))
            case _:
                pass

    def partition_ends(self) -> None:
        """Judge its leads: work in time counts wherever on the log it stands."""
        for name, lead in self._leads.items():
            for missed in lead.missed:
                for evidence in _answer(lead, missed):
                    self._found.violated(f"{name}: {evidence}")
            for breach in lead.breaches.values():
                if breach.missed_fact not in lead.answers:
                    self._found.violated(
                        f"{name}: {breach.clock} due at {breach.due_at.isoformat()} was breached, and the owner of the "
                        "evidence never said that it was missed"
                    )
            for fact, seen in lead.reclaims:
                for evidence in (*_reclaim(lead, fact, seen), *self._against_the_record(name, lead, fact)):
                    self._found.violated(f"{name}: {evidence} (lead.reclaimed at {seen.place})")
        self._leads = {}

    def verdict(self) -> Verdict:
        """After the last partition."""
        return self._found.verdict()

    def _ahead(self, due_at: datetime, seen: Seen) -> None:
        """Facts of a deadline bear its time, whenever they are said: what is said before it shows only until then."""
        if self._now is not None and due_at > (now := self._now()) + _CLOCKS_APART:
            self._found.violated(
                f"{seen.envelope.subject}: {seen.envelope.type} at {seen.place} is of a deadline at "
                f"{due_at.isoformat()}, and it is only {now.isoformat()}"
            )

    def _against_the_record(self, name: str, lead: _Lead, fact: LeadReclaimed) -> Iterator[str]:
        started = lead.started.get((fact.clock, fact.assignment_id))
        for one in self._told.get((name, fact.partner_id), ()):
            if one.op != _WORK.get(fact.clock) or one.ended is None or one.ended > fact.due_at:
                continue
            # What was asked before this clock started was about an earlier hold of the same partner.
            if started is not None and one.begun >= started.started_at:
                yield (
                    f"{fact.assignment_id} was taken back for {fact.clock} due at {fact.due_at.isoformat()}, and "
                    f"request {one.n} ({one.op}) had been answered as done at {one.ended.isoformat()}"
                )


def _answer(lead: _Lead, missed: _Missed) -> Iterator[str]:
    """What is wrong with an owner's answer that a deadline was missed."""
    what = f"{missed.clock} of {missed.runs_for}, due at {missed.due_at.isoformat()},"
    if missed.at is not None and missed.at < missed.due_at:
        yield f"{what} was called missed early, at {missed.at.isoformat()} ({missed.place})"
    for done in _in_time(lead, missed.clock, missed.runs_for, missed.due_at):
        yield f"{what} was called missed ({missed.place}), and was met at {done.at.isoformat()} ({done.place})"


def _reclaim(lead: _Lead, fact: LeadReclaimed, seen: Seen) -> Iterator[str]:
    """What is wrong with a reclaim."""
    what = f"{fact.assignment_id} was taken back for {fact.clock} due at {fact.due_at.isoformat()},"
    at = fact.at or seen.envelope.time
    if at < fact.due_at:
        yield f"{what} early, at {at.isoformat()}"
    started = lead.started.get((fact.clock, fact.assignment_id))
    if started is None:
        yield f"{what} a clock that never started"
    elif started.due_at != fact.due_at:
        yield f"{what} and its clock was due at {started.due_at.isoformat()}"
    breach = lead.breaches.get(fact.breach)
    if breach is None or (breach.clock, breach.assignment_id) != (fact.clock, fact.assignment_id):
        yield f"{what} and {fact.breach}, which it names, is no breach of it"
    for done in _in_time(lead, fact.clock, fact.assignment_id, fact.due_at):
        yield f"{what} and that was met at {done.at.isoformat()} ({done.place})"


def _in_time(lead: _Lead, clock: str, runs_for: str, due_at: datetime) -> Iterator[_Done]:
    return (done for done in lead.done.get((clock, runs_for), ()) if done.at <= due_at)

"""Deciding a batch in memory, one input after another, against rows that are already locked. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from leadway.decider import Refusal, StaleDocument
from leadway.facts import CATALOG_EVENTS, LEAD_EVENTS, CatalogFact, Envelope, Fact
from leadway.stage._around import BatchAround
from leadway.stage._asking import Answer, Decided, Edit
from leadway.stage._catalogs import Snapshot
from leadway.stage._declare import Stage
from leadway.stage._enveloping import FACT_BYTES_MAX, enveloped
from leadway.stage._inputs import FactInput, Input, RequestInput, TimerInput
from leadway.stage._origin import NOWHERE, Origin, of_fact, of_request, of_timer
from leadway.stage._refusals import KeysMissing, LeadParked
from leadway.stage._rows import KeyedRows, SubjectRow, Turned, turned_by
from leadway.stage._trouble import told

_log = structlog.get_logger("leadway.stage")
BEHIND_ANOTHER = "an earlier fact of this lead is parked"
Respond = Callable[[Decided], None]


def topic_of(command: object) -> str:
    """Where a command's facts go: catalog edits to catalog-events, all else to lead-events."""
    return CATALOG_EVENTS if isinstance(command, Edit) else LEAD_EVENTS


class Prepared(NamedTuple):
    """What an input comes to before its lead's state matters: the command, and the mirror with its fact folded in."""

    command: Any
    mirror_before: Any
    mirror_after: Any


@dataclass(slots=True)
class Deciding:
    """One batch under its locks. `run` decides; the fields then hold what is to be saved."""

    stage: Stage
    rows: dict[str, SubjectRow]
    shared: KeyedRows
    identity: KeyedRows
    catalogs: Snapshot
    now: datetime
    fact_bytes_max: int = FACT_BYTES_MAX
    looked_up: Mapping[int, Mapping[str, Sequence[Mapping[str, Any]]]] = field(default_factory=dict[int, Any])
    facts: list[Envelope] = field(default_factory=list[Envelope])
    encoded: dict[str, bytes] = field(default_factory=dict[str, bytes])  # each fact's data, by the fact's id
    edits: list[CatalogFact] = field(default_factory=list[CatalogFact])
    answers: dict[int, Answer | Exception] = field(default_factory=dict[int, "Answer | Exception"])
    parked: list[tuple[FactInput, str]] = field(default_factory=list[tuple[FactInput, str]])
    released: list[FactInput] = field(default_factory=list[FactInput])
    prepared: dict[int, Prepared] = field(default_factory=dict[int, Prepared])

    def shared_keys(self, inputs: Sequence[Input]) -> set[str]:
        """The shared rows that the batch's commands name, mirrors folded forward but nothing decided yet."""
        keys: set[str] = set()
        mirrors: dict[str, Any] = {}
        name = self.stage.gathering.shared_keys
        for index, item in enumerate(inputs):
            try:
                subject, command, origin = self._prepare(index, item, mirrors)
                if command is None or isinstance(command, Edit) or subject is None:
                    continue
                row = self.rows[subject]
                ahead = row.with_mirror(mirrors[subject]) if subject in mirrors else row
                keys.update(name(command, self.around(ahead, origin)))
            except Exception as error:  # noqa: BLE001 deciding meets it again, and parks or refuses that one input
                _log.debug("not_prepared", error=type(error).__name__)
        return keys

    def _prepare(self, index: int, item: Input, mirrors: dict[str, Any]) -> tuple[str | None, Any, Origin]:
        if isinstance(item, RequestInput):
            return item.request.subject, item.request.command, of_request(item, self.now)
        if isinstance(item, TimerInput):
            on_timer = self.stage.on_timer
            command = on_timer(item.subject, item.timer) if on_timer else None
            return item.subject, command, of_timer(self.stage.service, item, self.rows[item.subject].correlation)
        envelope = item.envelope
        if item.subject is None or envelope is None or isinstance(envelope.data, CatalogFact):
            return None, None, NOWHERE
        before = mirrors.get(item.subject, self.rows[item.subject].mirror)
        after = self.stage.mirror.reflect(before, envelope) if self.stage.mirror else before
        command = self.stage.translate(envelope) if self.stage.translate else None
        mirrors[item.subject] = after
        self.prepared[index] = Prepared(command, before, after)
        return item.subject, command, of_fact(self.stage.service, envelope)

    def run(self, inputs: Sequence[Input]) -> None:
        """Decide every input in order. Raises KeysMissing with all rows that are needed and were not locked."""
        missed: list[KeysMissing] = []
        for index, item in enumerate(inputs):
            try:
                if isinstance(item, FactInput):
                    self._fact(index, item)
                elif isinstance(item, TimerInput):
                    self._timer(item)
                elif index not in self.answers:
                    self._request(index, item)
            except KeysMissing as missing:  # go on: what later inputs miss is to be known at once, not one a redo
                missed.append(missing)
        if missed:
            raise KeysMissing.of(missed)

    @property
    def newly_parked(self) -> int:
        """How many inputs were parked for a reason of their own, not behind another one."""
        return sum(reason != BEHIND_ANOTHER for _, reason in self.parked)

    def around(self, row: SubjectRow, origin: Origin, index: int = -1) -> BatchAround:
        """The view that this input's command gets."""
        looked_up = self.looked_up.get(index) if self.looked_up else None
        return BatchAround(
            row, self.rows, self.shared, self.identity, self.catalogs, self.now, origin, looked_up or _NOTHING
        )

    def _fact(self, index: int, item: FactInput) -> None:
        if item.subject is None:
            self.parked.append((item, item.error or "no envelope"))
            return
        row = self.rows[item.subject]
        if row.parked and not item.released:
            self.parked.append((item, BEHIND_ANOTHER))
            return
        if item.envelope is None:
            self._park(row, item, item.error or "it does not decode")
            return
        try:
            self._consume(index, row, item.envelope)
        except KeysMissing:
            raise
        except Exception as error:  # noqa: BLE001 one lead's trouble must not stop its partition
            _log.warning("fact_parked", subject=item.subject, type=item.type, fact=item.envelope.id, exc_info=True)
            self._park(row, item, told(error))
            return
        if item.released:
            self.released.append(item)

    def _park(self, row: SubjectRow, item: FactInput, reason: str) -> None:
        row.parked = True
        self.parked.append((item, reason))

    def _consume(self, index: int, row: SubjectRow, envelope: Envelope) -> None:
        fact = envelope.data
        if isinstance(fact, CatalogFact):
            self.edits.append(fact)
            self.catalogs = self.catalogs.with_entries([fact])
            return
        before = row.mirror
        row.correlation = row.correlation or envelope.correlation
        prepared = self.prepared.get(index)
        if prepared is None or prepared.mirror_before is not before:
            after = self.stage.mirror.reflect(before, envelope) if self.stage.mirror else before
            prepared = Prepared(self.stage.translate(envelope) if self.stage.translate else None, before, after)
        row.mirror = prepared.mirror_after
        if prepared.command is None:
            return
        try:
            self._decide(row, prepared.command, of_fact(self.stage.service, envelope))
        except BaseException:
            row.mirror = before
            raise

    def _timer(self, item: TimerInput) -> None:
        row = self.rows[item.subject]
        if row.parked or self.stage.on_timer is None or item.timer not in tuple(self.stage.timers(row.state)):
            return
        if item.error is not None:
            self._park(row, item.as_parked(), item.error)
            return
        try:
            origin = of_timer(self.stage.service, item, row.correlation)
            self._decide(row, self.stage.on_timer(item.subject, item.timer), origin)
        except KeysMissing:
            raise
        except Exception as error:  # noqa: BLE001 one lead's trouble must not stop every lead's timers
            _log.warning("timer_parked", subject=item.subject, timer=item.timer.name, exc_info=True)
            self._park(row, item.as_parked(), told(error))

    def _request(self, index: int, item: RequestInput) -> None:
        request = item.request
        row = self.rows[request.subject]
        if row.parked:
            self.answers[index] = LeadParked(f"{request.subject} waits for an operator")
            return

        def respond(decided: Decided) -> None:
            self.answers[index] = request.respond(decided)

        try:
            self._decide(row, request.command, of_request(item, self.now), index, respond)
        except KeysMissing:
            raise
        except Refusal as refusal:
            self.answers[index] = refusal
        except Exception as error:  # noqa: BLE001 a bug in one command is that caller's 500, not its neighbours'
            _log.exception("command_failed", subject=request.subject, command=type(request.command).__name__)
            self.answers[index] = error

    def _decide(
        self, row: SubjectRow, command: Any, origin: Origin, index: int = -1, respond: Respond | None = None
    ) -> None:
        """Decide one command. `respond` is called before anything of the decision is kept: if it fails, nothing is."""
        around = self.around(row, origin, index)
        if isinstance(command, Edit):
            self._edit(row, command, origin, around, respond or _to_nobody)
            return
        subject, complete = self.stage.gathering.complete(command, around)
        if subject != row.subject:
            row = self._row(subject)
            if row.parked:
                raise LeadParked(f"{subject} waits for an operator")
            around = self.around(row, origin, index)
        decider = self.stage.leads
        if decider is None:
            message = f"{self.stage.service} decides nothing"
            raise TypeError(message)
        facts = tuple(decider.decide(complete, row.state))
        state, envelopes, turned = self._apply(row, facts, origin)
        if respond is not None:
            respond(Decided(row.subject, complete, envelopes, state, around))
        if not envelopes:
            return
        row.state = state
        last_at = row.last_at
        for envelope in envelopes:
            if last_at is None or envelope.time > last_at:
                last_at = envelope.time
        row.last_at = last_at
        row.correlation = envelopes[0].correlation
        for keyed, key, value in turned:
            keyed.put(key, value)
        self.facts += envelopes

    def _row(self, subject: str) -> SubjectRow:
        row = self.rows.get(subject)
        if row is None:
            raise KeysMissing(subjects=frozenset([subject]))
        return row

    def _apply(
        self, row: SubjectRow, facts: tuple[Fact, ...], origin: Origin
    ) -> tuple[Any, tuple[Envelope, ...], Turned]:
        """All that a decision changes, worked out before any of it is kept: a failure leaves nothing behind."""
        stage = self.stage
        assert stage.leads is not None  # noqa: S101 only called for deciding stages
        evolve = stage.leads.evolve
        state = row.state
        envelopes: list[Envelope] = []
        for fact in facts:
            state = evolve(state, fact)
            envelopes.append(self._envelope(row, fact, origin, envelopes))
        turned: Turned = []
        if stage.shared is not None:
            turned += turned_by(self.shared, stage.shared, facts, lambda keys: KeysMissing(shared=keys))
        if stage.identity is not None:
            turned += turned_by(self.identity, stage.identity, facts, lambda keys: KeysMissing(identity=keys))
        return state, tuple(envelopes), turned

    def _envelope(self, row: SubjectRow, fact: Fact, origin: Origin, earlier: Sequence[Envelope]) -> Envelope:
        envelope, value = enveloped(
            self.stage, row, fact, origin, now=self.now, earlier=earlier, bytes_max=self.fact_bytes_max
        )
        self.encoded[envelope.id] = value
        return envelope

    def _edit(self, row: SubjectRow, command: Edit, origin: Origin, around: BatchAround, respond: Respond) -> None:
        held = self.catalogs.get(command.kind, row.subject)
        version = held.version if held else 0
        if command.if_match is not None and command.if_match != version:
            raise StaleDocument(f"version {version} is in force, not {command.if_match}")
        changed = _with_version(command.change(held), version)
        if held is not None and changed == held:
            respond(Decided(row.subject, command, (), held, around))
            return
        fact = _with_version(changed, version + 1)
        envelope = self._envelope(row, fact, origin, ())
        respond(Decided(row.subject, command, (envelope,), fact, around))
        row.last_at = envelope.time
        row.correlation = envelope.correlation
        self.facts.append(envelope)
        self.edits.append(fact)
        self.catalogs = self.catalogs.with_entries([fact])


def _to_nobody(_: Decided) -> None:
    return


_NOTHING: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {}


def _with_version(fact: CatalogFact, version: int) -> CatalogFact:
    return msgspec.structs.replace(fact, version=version)

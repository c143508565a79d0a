"""From records to inputs: marks that accept only the next sequence, and what to do with each type. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from leadway.eventlog import Record
from leadway.facts import Envelope, Undecodable, Unreadable, fact_types
from leadway.facts.codec import decode, every_version, known, known_in_another_version
from leadway.stage._declare import Stage
from leadway.stage._inputs import FactInput, Place
from leadway.stage._refusals import Stopped


class Treatment(Enum):
    """What this service does with facts of a type."""

    HANDLE = auto()
    SKIP = auto()
    PARK = auto()


@dataclass(slots=True)
class Reading:
    """What a run of records of one partition comes to."""

    inputs: list[FactInput] = field(default_factory=list[FactInput])
    marks: dict[str, int] = field(default_factory=dict[str, int])
    resends: list[Place] = field(default_factory=list[Place])
    own_highest: int = 0


class Reader:
    """Reads records for one stage."""

    def __init__(self, stage: Stage, *, everything: bool = False) -> None:
        """`everything`: own facts are read too (a rebuild folds them; live, deciding already has)."""
        self._everything = everything
        self._service = stage.service
        self._handled = {kind.wire for kind in stage.foreign}
        self._stems = {wire.rpartition(".v")[0] for wire in self._handled}
        self._sources = {kind.source.encode(): kind.source for kind in fact_types()}
        self._treatments: dict[bytes, Treatment] = {}

    @property
    def types(self) -> frozenset[str]:
        """The wire names that this service handles, those of older versions too."""
        return every_version(self._handled)

    def read(self, records: Sequence[Record], marks: Mapping[str, int]) -> Reading:
        """Sort the records of one partition out. Raises Stopped where a sequence is missing: the mark passes no gap."""
        reading = Reading(marks=dict(marks))
        for record in records:
            place = Place(record.topic, record.partition, record.offset)
            try:
                raw, sequence = record.headers["ce_source"], int(record.headers["ce_sequence"])
            except (KeyError, ValueError) as error:
                reading.inputs.append(FactInput(place, None, "?", None, f"no readable envelope: {error}"))
                continue
            source = self._sources.get(raw)
            if source is None:
                reason = f"nobody here knows the source {raw.decode(errors='replace')[:60]!r}"
                reading.inputs.append(FactInput(place, None, "?", None, reason))
                continue
            if not self._is_next(reading, place, source, sequence):
                continue
            if source == self._service:
                reading.own_highest = max(reading.own_highest, sequence)
                if self._everything:
                    reading.inputs.append(read_fact(place, record))
            else:
                self._take(reading, place, record)
        return reading

    def _is_next(self, reading: Reading, place: Place, source: str, sequence: int) -> bool:
        mark = reading.marks.get(source, 0)
        if sequence <= mark:
            reading.resends.append(place)
            return False
        if sequence > mark + 1:
            raise Stopped(
                f"{place.topic}/{place.partition} at {place.offset}: {source} goes from {mark} to {sequence}. "
                "The log lost records, or something else wrote to it. Nothing was skipped; restore the log, or rebuild."
            )
        reading.marks[source] = sequence
        return True

    def _take(self, reading: Reading, place: Place, record: Record) -> None:
        raw = record.headers.get("ce_type", b"")
        treatment = self._treatments.get(raw)
        if treatment is None:
            treatment = self._treatment(raw)
            if len(self._treatments) < _TREATMENTS_MAX:  # a header may hold anything
                self._treatments[raw] = treatment
        if treatment is Treatment.SKIP:
            return
        reading.inputs.append(read_fact(place, record))

    def _treatment(self, raw: bytes) -> Treatment:
        name = raw.decode(errors="replace")
        if name in self._handled or (known(name) and name.rpartition(".v")[0] in self._stems):
            return Treatment.HANDLE
        if name.rpartition(".v")[0] in self._stems and known_in_another_version(name):
            return Treatment.PARK
        return Treatment.SKIP


def read_fact(place: Place, record: Record) -> FactInput:
    """One record as an input: decoded, or with the reason why it is not."""
    name = record.headers.get("ce_type", b"?").decode(errors="replace")
    subject = record.headers.get("ce_subject", record.key).decode(errors="replace")
    if "\0" in subject or not subject or len(subject) > _SUBJECT_CHARS_MAX:
        return FactInput(place, None, name, None, "the subject is not one")
    try:
        return FactInput(place, subject, name, _envelope(record))
    except (Undecodable, Unreadable) as error:
        return FactInput(place, subject, name, None, str(error))


def _envelope(record: Record) -> Envelope:
    """The record's fact with its envelope, read once for all services of this process."""
    envelope = record.made.get(_ENVELOPE)
    if envelope is None:
        if record.value is None:  # left out by the log, as nobody here said that it reads such records
            name = record.headers.get("ce_type", b"?").decode(errors="replace")
            raise Undecodable(f"{name} is not known to this release")
        envelope = record.made[_ENVELOPE] = decode(record.headers, record.value)
    return envelope


_ENVELOPE = "envelope"
_SUBJECT_CHARS_MAX = 200
_TREATMENTS_MAX = 1000

"""What a client was told: JSON lines, one before each request and one after its answer.

A request that has no second line was cut off: its outcome is unknown, as it is where the answer said so.

    {"n": 17, "begun": "2026-10-01T08:00:00.000000+00:00", "op": "claim", "subject": "lead_…",
     "actor": {"role": "partner", "partner_id": "ptr_…"}, "key": "…", "asked": {}}
    {"n": 17, "ended": "2026-10-01T08:00:00.012000+00:00", "outcome": "refused", "status": 409,
     "problem": "/problems/lead-already-claimed", "answer": {}}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import msgspec

from leadway.clock import Clock, SystemClock

Op = str
"""What was asked for; an open set: capture, claim, accept, decline, assign, retain, reroute, activity, stage,
opportunity, register, deal, approve, reject, win, lose, amend, reopen, close, endpoint …"""
Outcome = Literal["done", "refused", "unknown"]
Json = Mapping[str, Any]

_encoder = msgspec.json.Encoder()


class BadRecord(ValueError):
    """A line of a client's record cannot be read."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what became of it. `ended` is None where no answer was written down.

    Both instants are the client's own clock's: they order the client's operations among each other, no more.
    """

    n: int
    op: Op
    begun: datetime
    subject: str | None = None
    actor: Json = {}
    key: str | None = None
    asked: Json = {}
    ended: datetime | None = None
    outcome: Outcome = "unknown"
    status: int | None = None
    problem: str | None = None
    answer: Json = {}

    @property
    def partner_id(self) -> str | None:
        """The partner that asked, where one did."""
        return self.actor.get("partner_id")

    @property
    def lead(self) -> str | None:
        """The lead that it is about: named when asked, or by the answer."""
        named = self.subject if self.subject and self.subject.startswith("lead_") else None
        return named or self.answer.get("lead_id")


class _Begun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    n: int
    begun: datetime
    op: Op
    subject: str | None = None
    actor: Json = {}
    key: str | None = None
    asked: Json = {}


class _Ended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    n: int
    ended: datetime
    outcome: Outcome
    status: int | None = None
    problem: str | None = None
    answer: Json = {}


class Recorder:
    """Appends to a client's record; each line is handed to the operating system before the call returns."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._file.truncate(_whole_lines(path))  # a writer that was killed within a line had not asked yet
        self._next = 1 + max((one.n for one in operations(path)), default=0)

    def begin(
        self,
        op: Op,
        *,
        subject: str | None = None,
        actor: Json | None = None,
        key: str | None = None,
        asked: Json | None = None,
    ) -> int:
        """Write down what is about to be asked (no personal data); the number under which to write down its end."""
        n = self._next
        self._next += 1
        now = self._clock.now()
        self._write(_Begun(n=n, begun=now, op=op, subject=subject, actor=actor or {}, key=key, asked=asked or {}))
        return n

    def end(
        self,
        n: int,
        outcome: Outcome,
        *,
        status: int | None = None,
        problem: str | None = None,
        answer: Json | None = None,
    ) -> None:
        """Write down what was answered: `done`, `refused`, or `unknown` where the answer does not say."""
        now = self._clock.now()
        self._write(_Ended(n=n, ended=now, outcome=outcome, status=status, problem=problem, answer=answer or {}))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: _Begun | _Ended) -> None:
        self._file.write(_encoder.encode(line) + b"\n")


def _whole_lines(path: Path) -> int:
    size = 0
    with path.open("rb") as lines:
        for line in lines:
            size += len(line) if line.endswith(b"\n") else 0
    return size


def operations(path: Path) -> Iterator[Operation]:
    """The record's operations, each as soon as its end was read, those without an end last. Raises BadRecord."""
    with path.open("rb") as lines:
        yield from _paired(lines, path.name)


def read_record(path: Path) -> list[Operation]:
    """The whole record in the order of asking. Raises BadRecord, OSError."""
    return sorted(operations(path), key=lambda one: one.n)


def _paired(lines: Iterable[bytes], name: str) -> Iterator[Operation]:
    open_: dict[int, Operation] = {}
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break  # cut off while it was written: nothing after it was asked
        try:
            said = msgspec.json.decode(line, type=dict[str, Any])
            if "begun" in said:
                begun = msgspec.convert(said, _Begun)
                open_[begun.n] = Operation(**msgspec.structs.asdict(begun))
                continue
            ended = msgspec.convert(said, _Ended)
            yield msgspec.structs.replace(open_.pop(ended.n), **msgspec.structs.asdict(ended))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise BadRecord(f"{name}, line {number}: {error}") from error
        except KeyError as error:
            raise BadRecord(f"{name}, line {number}: {error} ended without having begun, or twice") from error
    yield from open_.values()

"""Taking a batch's locks, one class of rows after the other, each sorted, each in one query.

The order is the same everywhere: positions, idempotency keys, identity keys, leads, shared keys, counters. Rows that
may be missing are first put there as stubs: FOR UPDATE locks nothing where there is no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from leadway.decider import Refusal
from leadway.facts import LEAD_EVENTS
from leadway.stage import _answers, _sql
from leadway.stage._asking import Answer, IdempotencyKey
from leadway.stage._codec import Decoding
from leadway.stage._deciding import topic_of
from leadway.stage._declare import SharedFold, Stage
from leadway.stage._direct import Executes
from leadway.stage._functions import LOCK_IDEMPOTENCY, LOCK_KEYS, OPEN
from leadway.stage._inputs import Advance, Batch, FactInput, RequestInput
from leadway.stage._refusals import Fenced, IdempotencyKeyReused
from leadway.stage._rows import KeyedRows, SubjectRow
from leadway.stage._trouble import Surroundings

_marks = msgspec.msgpack.Encoder(order="deterministic")


def _advance_columns(advances: Sequence[Advance]) -> dict[str, list[Any]]:
    ordered = sorted(advances, key=lambda each: each.partition)
    return {
        "topics": [each.partition.topic for each in ordered],
        "partitions": [each.partition.number for each in ordered],
        "olds": [each.old for each in ordered],
        "news": [each.new for each in ordered],
        "marks": [_marks.encode(each.marks) for each in ordered],
    }


async def advance(connection: Executes, advances: Sequence[Advance]) -> None:
    """Move positions and marks on: the fence. Raises Fenced where another instance moved them first."""
    if advances:
        result = await connection.execute(_sql.ADVANCE, _advance_columns(advances))
        if len(result.all()) != len(advances):
            raise Fenced


class InTransaction(NamedTuple):
    """What a batch is decided in: read once all that it locked so far was locked."""

    now: datetime
    xid: str
    server: datetime
    revision: int


def _surroundings(row: Any) -> InTransaction:
    return InTransaction(row.now, row.xid, row.server, row.revision)


class Loader:
    """Loads and locks the rows of a stage's batches."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._state = Decoding(stage.state_type, stage.leads.initial if stage.leads else None)
        self._mirror = Decoding(
            stage.mirror.type if stage.mirror else None, stage.mirror.initial if stage.mirror else None
        )
        self._known: dict[str, set[str]] = {"shared_keys": set(), "identity_keys": set()}

    def forget(self) -> None:
        """Take nothing for known any more (another database may be behind the same address)."""
        for known in self._known.values():
            known.clear()

    def decode(self, state: bytes | None, mirror: bytes | None) -> tuple[Any, Any]:
        """A lead's state and mirror from their bytes."""
        return self._state(state), self._mirror(mirror)

    async def idempotency(self, connection: Executes, batch: Batch) -> dict[int, Answer | Exception]:
        """Answers that earlier requests under the same keys already have, by place in the batch."""
        asked = {
            index: item.request.idempotency
            for index, item in enumerate(batch.inputs)
            if isinstance(item, RequestInput) and item.request.idempotency is not None
        }
        if not asked:
            return {}
        keys = sorted({(key.caller, key.method, key.path, key.key): key for key in asked.values()}.items())
        columns = _answers.key_columns([key for _, key in keys])
        digests = [key.body_digest for _, key in keys]
        rows = (await connection.execute(LOCK_IDEMPOTENCY.call, columns | {"digests": digests})).all()
        if len(rows) < len(keys):  # one expired between the two statements
            raise Surroundings("an idempotency key expired just now")
        stored = {(row.caller, row.method, row.path, row.key): row for row in rows}
        answers: dict[int, Answer | Exception] = {}
        for index, key in asked.items():
            row = stored[key.caller, key.method, key.path, key.key]
            if bytes(row.digest) != key.body_digest:
                answers[index] = IdempotencyKeyReused(f"the key {key.key!r} came with another body before")
            elif row.status is not None:
                answers[index] = _answers.decode(row.status, bytes(row.answer))
        return answers

    async def identities(self, connection: Executes, batch: Batch) -> KeyedRows:
        """The identity rows that the batch's commands name."""
        if self._stage.identity is None:
            return KeyedRows({})
        keys = set(batch.identity_hint)
        for item in batch.inputs:
            if isinstance(item, RequestInput):
                keys.update(self._stage.gathering.identity_keys(item.request.command))
        consumed = sorted({item.subject for item in batch.inputs if isinstance(item, FactInput) and item.subject})
        if consumed:
            # Read unlocked, which is safe because a lead's identity never changes; the leads' own locks come later.
            for row in (await connection.execute(_sql.PEEK_STATES, {"subjects": consumed})).all():
                keys.update(self._stage.gathering.identity_of_state(self._state(row.state)))
        return (await self.keyed(connection, "identity_keys", self._stage.identity, keys))[0]

    async def keyed(
        self, connection: Executes, table: str, fold: SharedFold | None, keys: Iterable[str]
    ) -> tuple[KeyedRows, InTransaction | None]:
        """Lock rows of a keyed table; a row that nothing was said of yet has its initial value. The surroundings after
        that: None where nothing was to be locked.
        """
        wanted = sorted(set(keys))
        if not wanted or fold is None:
            return KeyedRows({}), None
        known = self._known[table]
        unknown = [key for key in wanted if key not in known]
        *rows, last = await self._lock_keys(connection, table, unknown, wanted)
        if len(rows) < len(wanted):  # what was known belonged to another database: learn it again
            known.clear()
            *rows, last = await self._lock_keys(connection, table, wanted, wanted)
        decoder = self._decoder(fold)
        values = {key: fold.initial(key) if value is None else decoder.decode(value) for key, value, *_ in rows}
        return KeyedRows(values), _surroundings(last)

    async def _lock_keys(self, connection: Executes, table: str, unknown: list[str], keys: list[str]) -> Sequence[Any]:
        return (await connection.execute(LOCK_KEYS[table].call, {"unknown": unknown, "keys": keys})).all()

    def learned(self, table: str, keys: Iterable[str]) -> None:
        """These rows were committed: no stub is needed for them again. Bounded: past the bound all are forgotten."""
        known = self._known[table]
        if len(known) > _KNOWN_KEYS_MAX:
            known.clear()
        known.update(keys)

    def _decoder(self, fold: SharedFold) -> msgspec.msgpack.Decoder[Any]:
        return msgspec.msgpack.Decoder(fold.value_type)

    async def open(
        self,
        connection: Executes,
        batch: Batch,
        identity: KeyedRows,
        answered: Iterable[int],
        advances: Sequence[Advance],
    ) -> tuple[dict[str, SubjectRow], InTransaction]:
        """Move positions on and lock the leads and catalog entries that the batch is about; the surroundings then.

        Raises Fenced where another instance moved the positions first.
        """
        wanted, fresh = self._subjects(batch, identity, set(answered))
        order = sorted((topic, subject) for subject, topic in wanted.items())
        leads = {"lead_topics": [topic for topic, _ in order], "leads": [subject for _, subject in order]}
        found = (await connection.execute(OPEN.call, _advance_columns(advances) | leads)).all()
        if not found:
            raise Fenced
        *locked, last = found
        rows: dict[str, SubjectRow] = {}
        for topic, subject, state, mirror, last_at, correlation, parked, *_ in locked:
            row = rows[subject] = self._row(topic, subject, state, mirror)
            row.last_at, row.correlation, row.parked, row.parked_before = last_at, correlation, parked, parked
        for subject, topic in fresh.items():
            rows.setdefault(subject, self._row(topic, subject))
        return rows, _surroundings(last)

    def _subjects(self, batch: Batch, identity: KeyedRows, answered: set[int]) -> tuple[dict[str, str], dict[str, str]]:
        """The subjects to lock, each with its topic, and those that nobody else can know yet."""
        wanted: dict[str, str] = dict.fromkeys(batch.subjects_hint, LEAD_EVENTS)
        fresh: dict[str, str] = {}
        for index, item in enumerate(batch.inputs):
            if isinstance(item, FactInput):
                if item.subject is not None:
                    wanted[item.subject] = item.place.topic
            elif not isinstance(item, RequestInput):
                wanted[item.subject] = LEAD_EVENTS
            elif index not in answered:
                command = item.request.command
                (fresh if item.request.fresh else wanted)[item.request.subject] = topic_of(command)
                if self._stage.identity is not None:
                    named = self._stage.gathering.subjects(command, identity.values)
                    wanted.update(dict.fromkeys(named, LEAD_EVENTS))
        return wanted, fresh

    def _row(self, topic: str, subject: str, state: bytes | None = None, mirror: bytes | None = None) -> SubjectRow:
        value, reflected = (None, None)
        if topic == LEAD_EVENTS:
            value, reflected = self.decode(state, mirror)
        return SubjectRow(topic, subject, value, reflected, value, reflected)


_KNOWN_KEYS_MAX = 200_000
_PASSING_TROUBLE = 500


def storable(answer: Answer | Exception, *, final: bool) -> bool:
    """Whether an answer is kept for its key: successes and decided refusals are, passing trouble is not."""
    if isinstance(answer, Answer):
        return True
    return isinstance(answer, Refusal) and answer.status < _PASSING_TROUBLE and (final or not answer.foreign)


def keys_of(
    batch: Batch, answers: dict[int, Answer | Exception], answered: frozenset[int]
) -> list[tuple[IdempotencyKey, Answer | Exception]]:
    """The batch's idempotency keys with what their requests were answered, but for those answered before."""
    return [
        (item.request.idempotency, answers[index])
        for index, item in enumerate(batch.inputs)
        if isinstance(item, RequestInput)
        and item.request.idempotency is not None
        and index in answers
        and index not in answered
    ]

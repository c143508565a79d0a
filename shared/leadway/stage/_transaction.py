"""One batch, one transaction: fence, lock, decide, save, stamp, commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from leadway.decider import Refusal
from leadway.eventlog import LogError, LogLost
from leadway.stage import _answers, _crash, _saving, _sql, _trouble
from leadway.stage._asking import Answer
from leadway.stage._catalogs import CatalogCache
from leadway.stage._deciding import Deciding
from leadway.stage._declare import Stage
from leadway.stage._direct import Executes, begin
from leadway.stage._enveloping import FACT_BYTES_MAX
from leadway.stage._inputs import Batch, FactInput, Outcome, Place, RequestInput
from leadway.stage._loading import InTransaction, Loader, advance, keys_of, storable
from leadway.stage._origin import of_request
from leadway.stage._refusals import Fenced, KeysMissing, OutcomeUnknown, ServerChanged, Stopped, Unacceptable
from leadway.stage._rows import SubjectRow
from leadway.stage._stamping import Stamping
from leadway.stage._trouble import Surroundings
from leadway.stage._writes import Writes

_log = structlog.get_logger("leadway.stage")
_REDOS_MAX = 8


class Transactions:
    """Runs a stage's batches against its database."""

    def __init__(
        self,
        engine: AsyncEngine,
        stage: Stage,
        *,
        partitions: int,
        cache: CatalogCache,
        fact_bytes_max: int = FACT_BYTES_MAX,
        check_server: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`check_server` is awaited before anything is decided on a database server that was started since it was
        last checked (a restored copy is): it raises Stopped where database and log do not belong together.
        """
        self._engine = engine
        self._stage = stage
        self._stamping = Stamping(partitions)
        self._cache = cache
        self.loader = Loader(stage)
        self._fact_bytes_max = fact_bytes_max
        self._check_server = check_server
        self._server: datetime | None = None  # when the server started that was checked against the log
        self._views = [_saving.ViewWriter(view) for view in stage.views]

    async def run(self, batch: Batch) -> Outcome:
        """Decide the batch durably. Raises Fenced, or Surroundings where nothing was committed and a retry may help,
        or OutcomeUnknown where the database did not say in time whether it committed.
        """
        while True:
            try:
                return await self._with_all_rows(batch)
            except (Fenced, Surroundings, OutcomeUnknown, Stopped):
                raise
            except Exception as error:  # noqa: BLE001 what one input breaks is not to be its neighbours' trouble
                await self._set_aside(batch, error)

    async def _with_all_rows(self, batch: Batch, *, keep: bool = True) -> Outcome:
        """Decide the batch, again while it turns out to need more rows. Raises as `run`, or what an input broke."""
        for _ in range(_REDOS_MAX + len(batch.inputs)):
            try:
                return await self._once(batch, keep=keep)
            except KeysMissing as missing:
                batch.lock_too(missing)
            except ServerChanged as changed:
                await self._check(changed.started_at)
            except _trouble.PASSING as error:
                if isinstance(error, DBAPIError) and _trouble.is_of_the_data(error):
                    raise
                raise _trouble.surroundings(error) from error
        message = "the batch names other rows each time it is decided"
        raise RuntimeError(message)

    async def _check(self, started_at: datetime) -> None:
        try:
            if self._check_server is not None:
                await self._check_server()
        except (*_trouble.PASSING, LogError) as error:
            raise _trouble.surroundings(error) from error
        except LogLost as error:
            raise Stopped(str(error)) from error
        self.loader.forget()
        self._stamping.forget()
        self._cache.forget()
        self._server = started_at

    async def _once(self, batch: Batch, *, keep: bool = True) -> Outcome:
        async with self._engine.connect() as connection:
            transaction = await begin(connection)
            try:
                xid, outcome = await self._work(transaction, batch)
            except BaseException:
                await transaction.rollback()
                raise
            if not keep:
                await transaction.rollback()
                return outcome
            _crash.point("transaction.before_commit")
            try:
                await transaction.commit()
            except (DBAPIError, OSError) as error:
                if not _trouble.is_lost(error):
                    raise
                await _trouble.resolve_commit(self._engine, xid)
            if outcome.edited:  # whoever asked for the change finds it in `catalogs_held` too
                await self._refresh(connection)
        _crash.point("transaction.after_commit")
        self.loader.learned("shared_keys", batch.shared_hint)
        self._stamping.learned(fact.partition for fact in outcome.facts)
        return outcome

    async def _refresh(self, connection: AsyncConnection) -> None:
        try:
            await self._cache.refresh(connection)
        except Exception as error:  # noqa: BLE001 it was committed: whatever this is, nothing must be done again for it
            _log.info("catalogs_not_refreshed", error=type(error).__name__)

    async def _work(self, connection: Executes, batch: Batch) -> tuple[str, Outcome]:
        advances = batch.advances
        if self._stage.identity is not None:  # its rows come between positions and leads in the order of locks
            await advance(connection, advances)
            advances = ()
        answers = await self.loader.idempotency(connection, batch)
        identity = await self.loader.identities(connection, batch)
        rows, surroundings = await self.loader.open(connection, batch, identity, answers, advances)
        await self._leave_out_closed(connection, batch)
        if batch.resends:
            await self._keep_resends(connection, batch.resends)
        deciding = Deciding(
            stage=self._stage,
            rows=rows,
            shared=_saving.KeyedRows({}),
            identity=identity,
            catalogs=self._cache.held,
            now=_EPOCH,
            answers=answers,
            fact_bytes_max=self._fact_bytes_max,
        )
        surroundings = await self._surround(connection, batch, deciding, surroundings)
        answered = frozenset(answers)
        deciding.run(batch.inputs)
        return surroundings.xid, await self._save(connection, batch, deciding, answered)

    async def _leave_out_closed(self, connection: Executes, batch: Batch) -> None:
        """Released facts bypass marks: under their leads' locks it is seen whether somebody else has handled them."""
        released = [item for item in batch.inputs if isinstance(item, FactInput) and item.released]
        if released:
            waiting = await _saving.still_parked(connection, released)
            closed = [item.place for item in released if item.place not in waiting]
            batch.inputs = [
                item for item in batch.inputs if not isinstance(item, FactInput) or item.place not in closed
            ]

    async def _keep_resends(self, connection: Executes, resends: Sequence[Place]) -> None:
        places = [(place.topic, place.partition, place.offset) for place in resends]
        topics, partitions, offsets = map(list, zip(*places, strict=True))
        columns = {"topics": topics, "partitions": partitions, "offsets": offsets}
        await connection.execute(_sql.ADD_RESENDS, columns)

    async def _surround(
        self, connection: Executes, batch: Batch, deciding: Deciding, surroundings: InTransaction
    ) -> InTransaction:
        """Make the batch ready to be decided: shared rows locked, and then the clock read."""
        if self._stage.shared is not None:
            deciding.catalogs = await self._cache.at(connection, surroundings.revision)
            keys = batch.shared_hint | deciding.shared_keys(batch.inputs)
            deciding.shared, later = await self.loader.keyed(connection, "shared_keys", self._stage.shared, keys)
            surroundings = later or surroundings
            batch.shared_hint = frozenset(keys)
        if surroundings.server != self._server:
            raise ServerChanged(surroundings.server)
        deciding.now = surroundings.now
        deciding.catalogs = await self._cache.at(connection, surroundings.revision)
        deciding.looked_up = await self._look_up(connection, batch, deciding)
        return surroundings

    async def _look_up(
        self, connection: Executes, batch: Batch, deciding: Deciding
    ) -> Mapping[int, Mapping[str, Sequence[Mapping[str, Any]]]]:
        found: dict[int, dict[str, Sequence[Mapping[str, Any]]]] = {}
        for index, item in enumerate(batch.inputs):
            if not isinstance(item, RequestInput) or index in deciding.answers:
                continue
            around = deciding.around(deciding.rows[item.request.subject], of_request(item, deciding.now))
            for name, (sql, params) in self._stage.gathering.lookups(item.request.command, around).items():
                rows = (await connection.execute(text(sql), dict(params))).mappings().all()
                found.setdefault(index, {})[name] = [dict(row) for row in rows]
        return found

    async def _save(self, connection: Executes, batch: Batch, deciding: Deciding, answered: frozenset[int]) -> Outcome:
        rows = list(deciding.rows.values())
        leads = _saving.lead_rows(rows)
        stamped_subjects = {fact.subject for fact in deciding.facts}
        changed = [row for row in rows if row.changed or row.subject in stamped_subjects]
        await _saving.save_catalogs(connection, deciding.edits)
        await _saving.save_parking(connection, deciding.parked, deciding.released)
        writes = Writes()
        _saving.save_subjects(writes, changed)
        _saving.drop_stubs(writes, _untouched(batch, rows, changed))
        _saving.save_keyed(writes, "identity_keys", deciding.identity)
        _saving.save_keyed(writes, "shared_keys", deciding.shared)
        for view in self._views:
            view.save(writes, leads)
        _saving.save_timers(writes, self._stage, leads)
        await self._save_answers(connection, writes, batch, deciding, answered)
        facts = await self._stamping.stamp(connection, writes, deciding.facts, deciding.encoded)
        outcome = Outcome(facts=facts, parked=deciding.newly_parked, edited=bool(deciding.edits))
        if self._stage.on_timer is not None:
            outcome.next_timer_at = min(
                (timer.due_at for row in leads if row.state_changed for timer in self._stage.timers(row.state)),
                default=None,
            )
        for index, item in enumerate(batch.inputs):
            if isinstance(item, RequestInput):
                outcome.answers.append((item.future, deciding.answers[index]))
        return outcome

    async def _save_answers(
        self, connection: Executes, writes: Writes, batch: Batch, deciding: Deciding, answered: frozenset[int]
    ) -> None:
        """Keep what was decided now; answers that were there before stay as they are."""
        final = {item.request.idempotency: item.final for item in batch.inputs if isinstance(item, RequestInput)}
        kept: list[tuple[Any, tuple[int, bytes]]] = []
        dropped: list[Any] = []
        for key, answer in keys_of(batch, deciding.answers, answered):
            if storable(answer, final=final[key]) and isinstance(answer, Answer | Refusal):
                kept.append((key, _answers.encode(answer)))
            else:
                dropped.append(key)
        if kept:
            columns = _answers.key_columns([key for key, _ in kept])
            values = {"statuses": [status for _, (status, _) in kept], "answers": [data for _, (_, data) in kept]}
            writes.add("save_idempotency", _sql.SAVE_IDEMPOTENCY, columns | values)
        if dropped:
            await connection.execute(_sql.DROP_IDEMPOTENCY, _answers.key_columns(dropped))

    async def _set_aside(self, batch: Batch, error: Exception) -> None:
        """Park or refuse the first input that breaks the batch, and nothing else: found by trying the batch's
        beginnings without keeping them, so that an input which fails only after another one is found too.
        """
        passes, fails = 0, len(batch.inputs)
        if fails == 0 or await self._passes(batch, fails):
            raise _trouble.surroundings(error) if isinstance(error, DBAPIError) else error
        while fails - passes > 1:
            middle = (passes + fails) // 2
            if await self._passes(batch, middle):
                passes = middle
            else:
                fails = middle
        item = batch.inputs[passes]
        reason = _trouble.told(error)
        _log.warning("input_set_aside", reason=reason, kind=type(item).__name__)
        if isinstance(item, RequestInput):
            batch.inputs.pop(passes)
            _trouble.fail(item, Unacceptable(reason) if isinstance(error, DBAPIError) else error)
            return
        if item.error is not None:
            message = f"{self._stage.service}: what was set aside cannot even be parked: {reason}"
            raise Stopped(message) from error
        batch.inputs[passes] = (
            replace(item, envelope=None, error=reason) if isinstance(item, FactInput) else replace(item, error=reason)
        )

    async def _passes(self, batch: Batch, count: int) -> bool:
        try:
            await self._with_all_rows(batch.part(count), keep=False)
        except (Fenced, Surroundings, OutcomeUnknown, Stopped):
            raise
        except Exception:  # noqa: BLE001 that is the question
            return False
        return True


def _untouched(batch: Batch, rows: Sequence[SubjectRow], changed: Sequence[SubjectRow]) -> list[SubjectRow]:
    """The rows of which commands made nothing, and of which nothing was said before."""
    told = {row.subject for row in changed} | {item.subject for item in batch.inputs if isinstance(item, FactInput)}
    return [row for row in rows if row.last_at is None and row.subject not in told]


_EPOCH = _trouble.EPOCH

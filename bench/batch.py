"""A stage's batch path against its own path with batches of one: scoring, on real facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench._system import Scratch
from bench._table import Line
from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import Partition
from leadway.facts import Envelope
from leadway.facts.ingest import LeadCaptured
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import Company, Term, Touch
from leadway.hosting import services
from leadway.ids import draw
from leadway.processes import spare_what_is_loaded
from leadway.stage._catalogs import CatalogCache
from leadway.stage._inputs import Advance
from leadway.stage.runtime import Batch, FactInput, Place, Transactions, create_views

_PARTITION = Partition("lead-events", 0)
_ONES = 150
_BATCH = 1000
_BATCHES = 6


def captured(offset: int) -> FactInput:
    """A captured lead as the consumer reads it off the log."""
    now = datetime.now(UTC)
    lead_id, person_id = draw("lead"), draw("per")
    fact = LeadCaptured(
        lead_id=lead_id,
        person_id=person_id,
        company_id=draw("com"),
        source_id="src_bench",
        company=Company(name="Klinika Nowak", domain=f"c{offset}.example", country="PL", employees=250),
        product=Term(said="imaging-suite"),
        touch=Touch(kind="form.submitted", occurred_at=now),
        personal=seal(SubmissionDetails(person=Person(email=f"ada@c{offset}.example", first_name="Ada"))),
    )
    fact_id = draw("fact")
    envelope = Envelope(
        id=fact_id,
        type=fact.wire,
        source="ingest",
        subject=lead_id,
        time=now,
        sequence=offset + 1,
        cause="req_bench",
        correlation=fact_id,
        actor="source:src_bench",
        traceparent=None,
        data=fact,
    )
    return FactInput(Place(_PARTITION.topic, _PARTITION.number, offset), lead_id, fact.wire, envelope)


async def _decide(transactions: Transactions, batches: Sequence[Sequence[FactInput]]) -> float:
    """Facts per second, positions and marks moved with each batch as the consumer does."""
    count = 0
    started = time.perf_counter()
    for facts in batches:
        first, last = facts[0].place.offset, facts[-1].place.offset
        advance = Advance(_PARTITION, first, last + 1, {"ingest": last + 1})
        outcome = await transactions.run(Batch(list(facts), (advance,)))
        assert len(outcome.facts) >= len(facts), "each captured lead is scored"
        count += len(facts)
    return count / (time.perf_counter() - started)


async def _prepare(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO positions VALUES ('lead-events', 0, 0, '')"))


async def _measure(url: str) -> list[Line]:
    spare_what_is_loaded()  # as every process of Leadway does
    (service,) = services(["scoring"])
    await migrate(url, service.name, None)
    engine = connect(url, schema=schema_of(service.name), role=role_of(service.name), plan_always=True)
    try:
        async with engine.begin() as connection:
            await create_views(connection, service.stage)
        await _prepare(engine)
        transactions = Transactions(engine, service.stage, partitions=8, cache=CatalogCache())
        facts = [captured(offset) for offset in range(_BATCH + _ONES + _BATCH * _BATCHES)]
        warm, ones, rest = facts[:_BATCH], facts[_BATCH : _BATCH + _ONES], facts[_BATCH + _ONES :]
        await _decide(transactions, [warm])
        one_by_one = await _decide(transactions, [[fact] for fact in ones])
        batches = [rest[start : start + _BATCH] for start in range(0, len(rest), _BATCH)]
        together = await _decide(transactions, batches)
    finally:
        await engine.dispose()
    return [
        Line("batch", f"scoring, batches of {_BATCH}", together, "facts/s", one_by_one, "batches of one", 30),
    ]


def run() -> list[Line]:
    with Scratch() as scratch, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(scratch.database))

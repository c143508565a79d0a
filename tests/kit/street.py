"""The toy services on a real database and log, and what tests ask of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import toys

from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import EventLog
from leadway.stage import Answer, Decided, Edit, IdempotencyKey, Request, Stage
from leadway.stage.runtime import Runtime, RuntimeLimits, create_views, cut_of, fold_log, hashes, write


@dataclass
class Street:
    """The toy services on one database and log; more instances on request."""

    url: str
    log: EventLog
    stack: AsyncExitStack

    async def open(self, stage: Stage, name: str = "1", *, start: bool = True, lease_seconds: float = 6.0) -> Runtime:
        await migrate(self.url, stage.service, None)
        instance = f"{stage.service}-{name}"
        engine = connect(
            self.url, schema=schema_of(stage.service), role=role_of(stage.service), application_name=instance
        )
        self.stack.push_async_callback(engine.dispose)
        async with engine.begin() as connection:
            await create_views(connection, stage)
        limits = RuntimeLimits(lease_seconds=lease_seconds)
        runtime = Runtime(stage=stage, engine=engine, log=self.log, instance=instance, limits=limits)
        self.stack.push_async_callback(runtime.close)
        if start:
            await runtime.start()
        return runtime


def taking(number: int, lead: str = "lead_a", key: str | None = None, body: bytes = b"", **fields: str) -> Request:
    def respond(decided: Decided) -> Answer:
        return Answer(201, {"facts": [fact.id for fact in decided.facts]})

    named = IdempotencyKey("user:me", "POST", "/till", key, body) if key else None
    return Request(toys.Take(number, **fields), lead, "user:me", respond=respond, idempotency=named)


def editing(name: str, label: str, if_match: int | None = None) -> Request:
    """A change of a catalog entry; the answer is the version that it then has."""

    def change(_: Any) -> Any:
        return toys.ColourChanged(entity_id=name, name=label)

    def respond(decided: Decided) -> Answer:
        return Answer(200, decided.state.version)

    return Request(Edit(toys.ColourChanged, change, if_match), name, "user:me", respond=respond)


async def eventually(look: Callable[[], Awaitable[Any]], *, seconds: float = 10.0) -> Any:
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await look()):
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.01)
    return found


async def counted(tally: Runtime, number: int) -> bool:
    rows = await tally.query("SELECT count(*) AS n FROM turns")
    return rows[0]["n"] >= number


async def log_sequences(log: EventLog, source: str) -> list[list[int]]:
    found: list[list[int]] = []
    for partition in await log.heads():
        numbers: list[int] = []
        async for records in log.read(partition, 0):
            numbers += [int(r.headers["ce_sequence"]) for r in records if r.headers["ce_source"] == source.encode()]
        if numbers:
            assert numbers == sorted(numbers)
            found.append(numbers)
    return found


async def same_after_rebuild(runtime: Runtime) -> bool:
    stage = runtime.stage
    scratch = f"{schema_of(stage.service)}_rebuild"
    url = runtime.engine.url.render_as_string(hide_password=False)
    await migrate(url, stage.service, None, schema=scratch)
    async with cut_of(runtime.engine, stage) as (_, cut):
        pass
    folded = await fold_log(stage, runtime.log, cut)
    beside = connect(url, schema=scratch, role=role_of(stage.service))
    try:
        async with beside.connect() as connection, connection.begin():
            await create_views(connection, stage)
            await write(connection, stage, folded, cut)
            rebuilt = await hashes(connection, stage)
    finally:
        await beside.dispose()
    assert rebuilt == cut.hashes
    return folded.facts > 0


async def everything_sent(runtime: Runtime) -> bool:
    rows = await runtime.query("SELECT count(*) AS n FROM outbox")
    return rows[0]["n"] == 0

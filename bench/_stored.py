"""The least that a durable 202 can cost: each body kept unread, many in one transaction, answered after its commit.

Nothing is checked, nothing is decided and nobody is told. What Leadway takes beyond this is what it does with a lead;
what this takes beyond the bare echo is PostgreSQL's part and the generator's on the same two cores.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

import asyncpg
from starlette.types import Receive, Scope, Send

from bench._echo import app as answer

_BATCH_MAX = 256
_waiting: list[tuple[bytes, asyncio.Future[None]]] = []
_arrived = asyncio.Event()
_tasks: set[asyncio.Task[None]] = set()


async def _store(connection: Any) -> None:
    while True:
        await _arrived.wait()
        _arrived.clear()
        while _waiting:
            batch = _waiting[:_BATCH_MAX]
            del _waiting[:_BATCH_MAX]
            await connection.execute(
                "INSERT INTO bodies (body) SELECT unnest($1::bytea[])", [body for body, _ in batch]
            )
            for _, future in batch:
                future.set_result(None)


async def _begin() -> None:
    connect: Any = cast("Any", asyncpg).connect
    connection = await connect(os.environ["TYPICAL_DATABASE_URL"].replace("postgresql+asyncpg://", "postgresql://"))
    await connection.execute("CREATE TABLE bodies (number bigserial PRIMARY KEY, body bytea NOT NULL)")
    _tasks.add(asyncio.create_task(_store(connection)))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await _begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    future = asyncio.get_running_loop().create_future()
    _waiting.append((body, future))
    _arrived.set()
    await future
    await answer(scope, _nothing_more, send)


async def _nothing_more() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}

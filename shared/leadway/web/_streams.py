"""Answers that go on: NDJSON, or server-sent events where the caller asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse

HEARTBEAT_SECONDS: Final = 15.0
SSE_MEDIA_TYPE: Final = "text/event-stream"
NDJSON_MEDIA_TYPE: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class StreamItem:
    """One item: `data` is JSON without line breaks; `id` is what Last-Event-ID names to go on after it."""

    data: bytes
    id: str | None = None
    event: str | None = None


def wants_events(request: Request) -> bool:
    """Whether the caller asks for server-sent events."""
    return SSE_MEDIA_TYPE in request.headers.get("accept", "")


def last_event_id(request: Request) -> str | None:
    """The id of the last item that the caller has seen, where it says so."""
    return request.headers.get("last-event-id") or None


def stream(
    request: Request, items: AsyncIterator[StreamItem], *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> StreamingResponse:
    """`items` as they come. In quiet times a heartbeat (an SSE comment, an empty line) keeps the connection open.

    `items` is closed when the caller goes away.
    """
    events = wants_events(request)
    form, heartbeat = (_event, b": \n\n") if events else (_line, b"\n")
    return StreamingResponse(
        _with_heartbeats(items, form=form, heartbeat=heartbeat, seconds=heartbeat_seconds),
        media_type=SSE_MEDIA_TYPE if events else NDJSON_MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _line(item: StreamItem) -> bytes:
    return item.data + b"\n"


def _event(item: StreamItem) -> bytes:
    parts: list[bytes] = []
    if item.id is not None:
        parts.append(f"id: {item.id}\n".encode())
    if item.event is not None:
        parts.append(f"event: {item.event}\n".encode())
    return b"".join([*parts, b"data: ", item.data, b"\n\n"])


async def _with_heartbeats(
    items: AsyncIterator[StreamItem],
    *,
    form: Callable[[StreamItem], bytes],
    heartbeat: bytes,
    seconds: float,
) -> AsyncGenerator[bytes, None]:
    # One task waits for the next item across heartbeats: cancelling it at each would end the generator behind it.
    following: asyncio.Future[StreamItem | None] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(items, None))
            done, _ = await asyncio.wait({following}, timeout=seconds)
            if not done:
                yield heartbeat
                continue
            item = following.result()
            following = None
            if item is None:
                return
            yield form(item)
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if isinstance(items, AsyncGenerator):
            await items.aclose()

"""A webhook receiver on the loopback, as a partner would run one: it believes nothing that is not signed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

_AGE_SECONDS_MAX = 300
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
_REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came, and whether its signature is right."""

    receiver: str
    id: str
    body: dict[str, Any]
    signed: bool


@dataclass(slots=True)
class Receiver:
    """What came, and the secret of each path's endpoint."""

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    messages: list[Message] = field(default_factory=list[Message])

    def of(self, receiver: str) -> list[Message]:
        """Each message to a receiver once, as they came."""
        found = {message.id: message for message in self.messages if message.receiver == receiver}
        return list(found.values())

    def take(self, receiver: str, headers: Mapping[str, str], raw: bytes) -> bool:
        """Take a message in; False where its signature is not right."""
        signed = verified(self.secrets.get(receiver, ""), headers, raw, now=time.time())
        self.messages.append(Message(receiver, headers.get("webhook-id", ""), json.loads(raw), signed))
        return signed


def verified(secret: str, headers: Mapping[str, str], raw: bytes, *, now: float) -> bool:
    """Whether a message is signed with the secret and young, by the rules of Standard Webhooks."""
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not secret.startswith("whsec_") or not timestamp.isdecimal() or abs(now - int(timestamp)) > _AGE_SECONDS_MAX:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{identity}.{timestamp}.".encode() + raw
    right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    sent = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(each.removeprefix("v1,"), right) for each in sent if each.startswith("v1,"))


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Listen on a free port of this machine."""
    receiver = Receiver()
    connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = asyncio.current_task()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                await _exchange(receiver, reader, writer)
        writer.close()
        del connections[writer]

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for writer in connections:
            writer.close()
        await asyncio.gather(*(task for task in connections.values() if task is not None))


async def _exchange(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    right = receiver.take(request.split()[1].strip("/"), headers, raw)
    writer.write(_TAKEN if right else _REFUSED)
    await writer.drain()

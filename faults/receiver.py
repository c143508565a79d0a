"""A receiver of webhooks in many moods. It keeps who was told what, when it said that it had taken it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

MOODS = ("500", "429", "slow", "redirect", "endless", "dies")
_SLOW_SECONDS = 3.0
_EMPTY = "HTTP/1.1 {} X\r\nContent-Length: 0\r\n{}\r\n"
_HEADERS = {"429": "Retry-After: 1\r\n", "302": "Location: /trap\r\n"}


@dataclass
class Receiver:
    """Endpoints by path; each has a mood. What it got goes to `record`, a line for each message that it answered."""

    record: Path
    port: int = 0
    away: bool = False  # it takes nothing, and keeps nothing
    moods: dict[str, str] = field(default_factory=dict[str, str])
    endpoints: dict[str, str] = field(default_factory=dict[str, str])
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self.record.touch()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def heal(self) -> None:
        """Take everything again."""
        self.moods.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split()[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.away:
            writer.write(_EMPTY.format("503", "").encode())
            await writer.drain()
            return True
        mood = self.moods.get(path, "")
        if mood == "dies":
            self._keep(path, headers, body, None)
            return False
        if mood == "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        if mood == "endless":
            self._keep(path, headers, body, 500)
            return await self._endless(writer)
        status = {"500": "500", "429": "429", "redirect": "302"}.get(mood, "204")
        self._keep(path, headers, body, int(status))
        if status == "204":
            writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        else:
            writer.write(_EMPTY.format(status, _HEADERS.get(status, "")).encode())
        await writer.drain()
        return True

    async def _endless(self, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)
        return False

    def _keep(self, path: str, headers: Mapping[str, str], body: bytes, answered: int | None) -> None:
        """Before the answer: it may be taken by somebody who dies then."""
        message = json.loads(body)
        lead = message.get("data", {}).get("lead", {}).get("id")
        if lead is None or path not in self.endpoints:
            return
        line = {
            "at": datetime.now(UTC).isoformat(),
            "endpoint": self.endpoints[path],
            "id": headers["webhook-id"],
            "lead": lead,
            "type": message["type"],
            "fact": message["data"]["fact_id"],
            "answered": answered,
        }
        with self.record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

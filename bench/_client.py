"""A connection that is kept: one request after the other over a raw socket, each with the time that it took."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """HTTP/1.1 to a port of this machine. Not for two requests at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send a request and read its whole answer. Raises ConnectionError where it broke off."""
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        started = time.perf_counter()
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            content = await self._reader.readexactly(int(found.get("content-length", "0")))
        except asyncio.IncompleteReadError as error:
            raise ConnectionError(f"{method} {path}: the answer broke off") from error
        return Answer(int(head[0].split(" ", 2)[1]), found, content, time.perf_counter() - started)

    def close(self) -> None:
        self._writer.close()

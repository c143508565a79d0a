"""A small TCP proxy between one service and its database, which can slow down, cut, freeze, and lose an answer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from enum import Enum, auto

_CHUNK_BYTES = 1 << 16
_COMMIT = b"COMMIT"


class Loss(Enum):
    """What happens at the next COMMIT that passes."""

    REQUEST = auto()  # the database never sees it, and rolls back
    ANSWER = auto()  # the database commits, and nobody hears of it
    HUSH = auto()  # the same, and the connection stays open without a word


@dataclass(eq=False)
class _Link:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    losing: Loss | None = None
    hushed: bool = False

    def cut(self) -> None:
        """Reset both sides."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass
class Proxy:
    """Listens on `port` of the loopback (0: any) and forwards to the loopback's `target` port."""

    target: int
    port: int = 0
    delay_seconds: float = 0.0
    frozen: bool = False
    lost: int = 0
    _losses: list[Loss] = field(default_factory=list[Loss])
    _links: set[_Link] = field(default_factory=set["_Link"])
    _waiting: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and cut everything."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        links = list(self._links)
        for link in links:
            link.cut()
        for writer in self._waiting:
            writer.transport.abort()
        return len(links)

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told: what is sent meanwhile is lost."""
        self.frozen = True
        for link in self._links:
            link.hushed = True

    def heal(self) -> None:
        """Forward everything again; connections that lost something are reset."""
        self.delay_seconds, self.frozen = 0.0, False
        self._losses.clear()
        for link in [each for each in self._links if each.hushed]:
            link.cut()
        for writer in self._waiting:
            writer.transport.abort()

    def lose(self, loss: Loss) -> None:
        """Lose something at the next COMMIT."""
        self._losses.append(loss)

    async def _serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.frozen:
            self._waiting.add(client)
            with contextlib.suppress(ConnectionError, OSError):
                while await client_reader.read(_CHUNK_BYTES):
                    pass
            self._waiting.discard(client)
            client.transport.abort()
            return
        try:
            server_reader, server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            client.transport.abort()
            return
        link = _Link(client, server)
        self._links.add(link)
        try:
            pumps = [
                asyncio.create_task(self._upwards(link, client_reader)),
                asyncio.create_task(self._downwards(link, server_reader)),
            ]
            _, rest = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in rest:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._links.discard(link)
            link.cut()

    async def _upwards(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await self._read(link, reader):
            if self._losses and _COMMIT in data:
                link.losing = self._losses.pop()
                self.lost += 1
                if link.losing is Loss.REQUEST:
                    return
            await self._pass(link, link.server, data)

    async def _downwards(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await self._read(link, reader):
            if link.losing is Loss.ANSWER:
                return
            if link.losing is Loss.HUSH:
                link.hushed = True
                continue
            await self._pass(link, link.client, data)

    async def _read(self, link: _Link, reader: asyncio.StreamReader) -> bytes:
        while True:
            data = await reader.read(_CHUNK_BYTES)
            if not data or not link.hushed:
                return data

    async def _pass(self, link: _Link, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if not link.hushed:
            writer.write(data)
            await writer.drain()

"""A wire to PostgreSQL on which one COMMIT may go wrong, as it does where a network breaks at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import Enum, auto

from sqlalchemy.engine import make_url

_CHUNK_BYTES = 65_536
_TERMINATE = b"X\0\0\0\4"


class Loss(Enum):
    """What becomes of the next COMMIT."""

    REQUEST = auto()  # the server never sees it, and rolls back
    ANSWER = auto()  # it takes effect, and nobody hears of it
    LATE = auto()  # the client is cut off, and the server sees it only when `let_go` is called


class Wire:
    """Forwards to the server of an address; `url` is the way through it."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self.loses: Loss | None = None
        self.lost = 0
        self.down = False
        self._late = asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self.url = ""

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Wire]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        direct = self._target.set(host="127.0.0.1", port=port).difference_update_query(["host", "port"])
        self.url = direct.render_as_string(hide_password=False)
        try:
            yield self
        finally:
            server.close()
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    def let_go(self) -> None:
        """Let the server see the COMMIT that was held back."""
        self._late.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._serve(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        answers, server = await self._connect()
        downwards = asyncio.create_task(_pump(answers, writer))
        try:
            with contextlib.suppress(ConnectionError):
                held = await self._until_commit(reader, server)
                downwards.cancel()
                await asyncio.gather(downwards, return_exceptions=True)
                if held is not None:
                    await self._lose(held, answers, server, writer)
        finally:
            downwards.cancel()
            await asyncio.gather(downwards, return_exceptions=True)
            writer.transport.abort()
            server.transport.abort()

    async def _until_commit(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> bytes | None:
        """Forward what the client says, up to the COMMIT that is to go wrong; None: it closed before."""
        while said := await reader.read(_CHUNK_BYTES):
            if self.loses is not None and b"COMMIT" in said:
                return said
            server.write(said)
        return None

    async def _lose(
        self, commit: bytes, answers: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        loses, self.loses = self.loses, None
        self.lost += 1
        if loses is Loss.LATE:
            client.transport.abort()
            await self._late.wait()
        if loses is not Loss.REQUEST:
            server.write(commit + _TERMINATE)
            while await answers.read(_CHUNK_BYTES):  # the server closes when it has done both
                pass

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder, port = self._target.query.get("host"), self._target.query.get("port", self._target.port or 5432)
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._target.host, self._target.port)


async def _pump(answers: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while said := await answers.read(_CHUNK_BYTES):
            client.write(said)
    client.transport.abort()

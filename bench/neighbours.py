"""What one endpoint that hangs, and one that is dead, cost the others: time from a lead's assignment to their webhook.

Every lead is due at every endpoint. The same load is sent three times: with healthy endpoints only; with one more that
never answers; with one more whose port nobody listens on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator

import msgspec
import uvloop

from bench._client import Connection
from bench._system import LEAD, Leadway, Scratch, native_source, partners
from bench._table import Line, percentile
from leadway.processes import free_port

_HEALTHY = 4
_LEADS = 600
_PER_SECOND = 20
_TAIL_SECONDS_MAX = 60.0


class Receivers:
    """Healthy receivers, told apart by their path, and one that takes messages and never answers."""

    def __init__(self) -> None:
        self.received: dict[tuple[str, str], float] = {}
        self.hung = 0

    @contextlib.asynccontextmanager
    async def listen(self, *, answers: bool) -> AsyncGenerator[str]:
        open_ones: set[asyncio.StreamWriter] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_ones.add(writer)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    await self._take(reader, writer, answers=answers)
            open_ones.discard(writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in open_ones:
                writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(head.lower().split("content-length:", 1)[1].split("\r\n", 1)[0])
        body = json.loads(await reader.readexactly(length))
        if not answers:
            self.hung += 1
            return
        self.received.setdefault((head.split(" ")[1], body["data"]["lead"]["id"]), time.perf_counter())
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


class Round(msgspec.Struct, frozen=True):
    """Seconds from sending a lead to each healthy endpoint's webhook."""

    seconds: list[float]


class Vendor:
    """Sends leads at a steady rate, each a new person."""

    def __init__(self, leadway: Leadway) -> None:
        self._port = leadway.ports["ingest"]
        self._path, self._headers = native_source(leadway)
        self._sent = 0

    async def send(self, count: int) -> dict[str, float]:
        """When each lead was sent, by its id."""
        found: dict[str, float] = {}
        free = [await Connection.open(self._port) for _ in range(8)]

        async def one(number: int) -> None:
            connection = free.pop() if free else await Connection.open(self._port)
            sent_at = time.perf_counter()
            answer = await connection.ask("POST", self._path, self._headers, (LEAD % number).encode())
            assert answer.status == 202, answer
            found[answer.json["lead_id"]] = sent_at
            free.append(connection)

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(0.0, started + number / _PER_SECOND - time.perf_counter()))
                group.create_task(one(self._sent + number))
        self._sent += count
        for connection in free:
            connection.close()
        return found


async def _round(vendor: Vendor, receivers: Receivers, paths: list[str], count: int) -> Round:
    sent = await vendor.send(count)
    deadline = time.perf_counter() + _TAIL_SECONDS_MAX
    due = [(path, lead) for path in paths for lead in sent]
    while not all(each in receivers.received for each in due):
        assert time.perf_counter() < deadline, "healthy endpoints still wait for their messages"
        await asyncio.sleep(0.05)
    return Round([receivers.received[path, lead] - sent[lead] for path, lead in due])


async def _measure(leadway: Leadway, healthy: int, leads: int) -> dict[str, Round]:
    partners(leadway, 2)
    vendor, receivers = Vendor(leadway), Receivers()

    def endpoint(url: str) -> None:
        leadway.ask("POST", "/delivery/v1/endpoints", {"url": url, "types": ["lead.assigned"]})

    async with receivers.listen(answers=True) as good, receivers.listen(answers=False) as hanging:
        paths = [f"/hook-{number}" for number in range(healthy)]
        for path in paths:
            endpoint(good + path)
        await asyncio.sleep(1.5)  # the catalogs reach the services that copy them
        await _round(vendor, receivers, paths, max(1, leads // 10))
        found = {"alone": await _round(vendor, receivers, paths, leads)}
        endpoint(f"{hanging}/hook")
        await asyncio.sleep(1.5)
        found["slow"] = await _round(vendor, receivers, paths, leads)
        endpoint(f"http://127.0.0.1:{free_port()}/hook")
        await asyncio.sleep(1.5)
        found["dead"] = await _round(vendor, receivers, paths, leads)
        assert receivers.hung, "the endpoint that hangs was never asked"
    return found


def neighboured(healthy: int, leads: int) -> dict[str, Round]:
    """The three rounds: `alone`, with a `slow` endpoint, with a slow and a `dead` one."""
    with (
        Scratch() as scratch,
        Leadway(scratch) as leadway,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_measure(leadway, healthy, leads))


def run(share: float = 1.0) -> list[Line]:
    """`share` of the full counts."""
    leads = max(20, int(_LEADS * share))
    found = neighboured(_HEALTHY, leads)
    lines: list[Line] = []
    for which, said in (("slow", "beside one that hangs"), ("dead", "beside one that hangs and a dead one")):
        what = f"capture to webhook, {_HEALTHY} healthy endpoints {said}, {leads} leads"
        for name, each in (("p50", 0.5), ("p99", 0.99)):
            ours, other = (percentile(found[one].seconds, each) * 1000 for one in (which, "alone"))
            goal = 1.1 if name == "p50" else None
            lines.append(Line("neighbours", f"{what}: {name}", ours, "ms", other, "healthy alone", goal, at_most=True))
    return lines

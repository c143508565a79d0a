"""From a lead's capture to its partner's webhook, all services in one process, at a steady 100 leads a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator

import uvloop

from bench._system import LEAD, Leadway, Scratch, native_source, partners
from bench._table import Line, percentile

_PER_SECOND = 100
_WARM_LEADS = 300
_LEADS = 2000
_CONNECTIONS = 32
_TAIL_SECONDS_MAX = 30.0


class Watch:
    """When each lead was sent, and when its webhook came."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self.received: dict[str, float] = {}

    def clear(self) -> None:
        for each in (self.sent, self.answered, self.received):
            each.clear()

    def latencies(self) -> list[float]:
        return [self.received[lead] - at for lead, at in self.sent.items() if lead in self.received]


@contextlib.asynccontextmanager
async def partner(watch: Watch) -> AsyncGenerator[str]:
    """The partner's receiver: notes each lead that it hears of, answers 204."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert b"webhook-signature: v1," in head
                length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                body = json.loads(await reader.readexactly(length))
                watch.received.setdefault(body["data"]["lead"]["id"], time.perf_counter())
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


async def _capture(port: int, path: str, key: str, numbers: asyncio.Queue[int], watch: Watch) -> None:
    """One connection of the generator."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            body = (LEAD % await numbers.get()).encode()
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-leadway-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
            sent_at = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 202"), answer
            length = int(answer.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            lead = str(json.loads(await reader.readexactly(length))["lead_id"])
            watch.sent[lead], watch.answered[lead] = sent_at, time.perf_counter()
    finally:
        writer.close()


async def _steady(numbers: asyncio.Queue[int], first: int, count: int) -> None:
    """Ask for a lead every hundredth of a second, however long answers take."""
    started = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / _PER_SECOND - time.perf_counter()))
        numbers.put_nowait(first + number)


async def _round(numbers: asyncio.Queue[int], watch: Watch, first: int, count: int) -> None:
    await _steady(numbers, first, count)
    deadline = time.perf_counter() + _TAIL_SECONDS_MAX
    while len(watch.sent) < count or watch.sent.keys() - watch.received.keys():
        assert time.perf_counter() < deadline, f"{len(watch.sent)} captured, {len(watch.received)} webhooks"
        await asyncio.sleep(0.05)


async def _measure(leadway: Leadway) -> Watch:
    path, headers = native_source(leadway)
    (partner_id,) = partners(leadway, 1)
    watch = Watch()
    async with partner(watch) as url:
        endpoint = {"url": url, "types": ["lead.assigned"], "partner_id": partner_id}
        leadway.ask("POST", "/delivery/v1/endpoints", endpoint)
        await asyncio.sleep(1.0)  # the catalogs reach the services that copy them
        numbers: asyncio.Queue[int] = asyncio.Queue()
        key = headers["x-leadway-key"]
        port = leadway.ports["ingest"]
        tasks = [asyncio.create_task(_capture(port, path, key, numbers, watch)) for _ in range(_CONNECTIONS)]
        try:
            await _round(numbers, watch, 0, _WARM_LEADS)
            watch.clear()
            await _round(numbers, watch, _WARM_LEADS, _LEADS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return watch


def run() -> list[Line]:
    with (
        Scratch() as scratch,
        Leadway(scratch) as leadway,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        watch = runner.run(_measure(leadway))
    whole = watch.latencies()
    answers = [watch.answered[lead] - at for lead, at in watch.sent.items()]
    what = f"capture to signed webhook, {_PER_SECOND} leads/s, {len(whole)} leads"
    lines: list[Line] = []
    for name, share, goal in (("p50", 0.5, 40.0), ("p99", 0.99, 150.0)):
        lines.append(
            Line("latency", f"{what}: {name}", percentile(whole, share) * 1000, "ms",
                 percentile(answers, share) * 1000, "its 202 alone", goal, goal_on="ours", at_most=True)
        )  # fmt: skip
    return lines

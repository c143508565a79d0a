"""The toy services in a process of their own, which a test may kill or freeze; requests go in and answers come out by
its pipes, a JSON document a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog
import toys
from street import Street, taking

from leadway.decider import Refusal
from leadway.eventlog import EventLog, KafkaLog, NewRecord, Partition, PostgresLog, Producer
from leadway.stage import Stage

LEASE_SECONDS = 1.0
PARTITIONS = 4
_numbers = itertools.count(1)


def log_of(url: str, kafka: str | None = None, prefix: str = "") -> EventLog:
    """The log that branches and their test share; whoever left it is missed soon."""
    if kafka is not None:
        return KafkaLog(kafka, partitions=PARTITIONS, topic_prefix=prefix)
    return PostgresLog(url, partitions=PARTITIONS, member_seconds=LEASE_SECONDS)


@asynccontextmanager
async def street_of(url: str, kafka: str | None = None, prefix: str = "") -> AsyncGenerator[Street]:
    """The test's own view of what branches work on."""
    async with AsyncExitStack() as stack:
        log = log_of(url, kafka, prefix)
        await log.start()
        stack.push_async_callback(log.close)
        yield Street(url, log, stack)


class Gone(Exception):
    """The branch ended before it answered: what became of the request is not known."""


class Branch:
    """A running branch, as its test sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def take(self, number: int, lead: str, key: str | None = None, **fields: str) -> Any:
        """Take a payment; gives the answer's body. Raises Gone; a refusal comes as its slug, an error as its name."""
        asked = next(_numbers)
        future = self._asked[asked] = asyncio.get_running_loop().create_future()
        if self._reader.done():
            raise Gone
        self._write({"asked": asked, "number": number, "lead": lead, "key": key, "fields": fields})
        return await future

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def frozen(self, *, seconds: float = 60.0) -> None:
        """Wait until it has stopped itself."""
        async with asyncio.timeout(seconds):
            while _state_of(self.process.pid) != "T":  # noqa: ASYNC110 the kernel tells nobody else
                await asyncio.sleep(0.01)

    async def death(self, *, seconds: float = 60.0) -> int:
        """Wait for its end; the signal that ended it, below zero."""
        async with asyncio.timeout(seconds):
            await self._reader
            return await self.process.wait()

    async def leave(self) -> None:
        """Let it finish and end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await self.death() == 0

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self._reader
        await self.process.wait()

    def _write(self, said: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(said).encode() + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            self._asked.pop(said["asked"]).set_result(said["answer"])
        for future in self._asked.values():
            future.set_exception(Gone())
            future.exception()  # whoever waits hears of it; nobody has to


def _state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0]


@asynccontextmanager
async def branch(
    url: str,
    *services: str,
    crash: str | None = None,
    freeze: str | None = None,
    kafka: str | None = None,
    prefix: str = "",
) -> AsyncGenerator[Branch]:
    """Start services (`till`, `tally`) in a process of their own.

    `crash`: a named crash point to die at. `freeze`: where it stops itself, once: `reading` (it has records in hand),
    `deciding` (a payment of the colour `ice`, its transaction open), `before_sending` or `after_sending` (its relay).
    """
    said = {"url": url, "services": services, "freeze": freeze, "kafka": kafka, "prefix": prefix}
    environment = {name: value for name, value in os.environ.items() if name != "LEADWAY_CRASH"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        json.dumps(said),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment | ({"LEADWAY_CRASH": crash} if crash else {}),
    )
    running = Branch(process)
    try:
        yield running
    finally:
        await running.kill()


# ------------------------------------------------------------------------------------------------- in the process


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _once(act: Callable[[], None]) -> Callable[[], None]:
    left = [act]

    def first() -> None:
        if left:
            left.pop()()

    return first


def _freezing_tally(freeze: Callable[[], None]) -> Stage:
    def complete(command: toys.Count, around: Any) -> tuple[str, toys.Count]:
        if command.colour == "ice":
            freeze()
        return toys.complete(command, around)

    return replace(toys.TALLY, gathering=replace(toys.TALLY.gathering, complete=complete))


class _FreezingProducer:
    def __init__(self, producer: Producer, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._producer = producer
        self._before = before
        self._after = after

    async def append_many(self, batches: dict[Partition, Sequence[NewRecord]]) -> Any:
        self._before()
        offsets = await self._producer.append_many(batches)
        self._after()
        return offsets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


def _freeze_reader(log: EventLog) -> None:
    freeze = _once(_freeze)
    original = log.subscribe

    async def subscribe(*given: Any, **named: Any) -> Any:
        subscription: Any = await original(*given, **named)
        following = subscription.next

        async def next_(**asked: Any) -> Any:
            records = await following(**asked)
            if records:
                freeze()
            return records

        subscription.next = next_
        return subscription

    log.subscribe = subscribe


def _freeze_relay(log: EventLog, where: str) -> None:
    nothing = _once(lambda: None)
    freeze = _once(_freeze)
    original = log.producer

    async def producer(service: str) -> Any:
        before, after = (freeze, nothing) if where == "before_sending" else (nothing, freeze)
        return _FreezingProducer(await original(service), before, after)

    log.producer = producer  # type: ignore[method-assign]


async def _answer(till: Any, said: Any) -> None:
    request = taking(said["number"], said["lead"], said["key"], **said["fields"])
    try:
        answer = (await till.execute(request)).body
    except Refusal as refusal:
        answer = refusal.slug
    except Exception as error:  # noqa: BLE001 the test judges it
        answer = type(error).__name__
    sys.stdout.write(json.dumps({"asked": said["asked"], "answer": answer}) + "\n")
    sys.stdout.flush()


async def _work(said: Any) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with street_of(said["url"], said["kafka"], said["prefix"]) as street:
        if said["freeze"] in {"before_sending", "after_sending"}:
            _freeze_relay(street.log, said["freeze"])
        if said["freeze"] == "reading":
            _freeze_reader(street.log)
        name = f"branch{os.getpid()}"
        opened: dict[str, Any] = {}
        for service in said["services"]:
            stage = toys.TILL if service == "till" else toys.TALLY
            if service == "tally" and said["freeze"] == "deciding":
                stage = _freezing_tally(_once(_freeze))
            opened[service] = await street.open(stage, name, lease_seconds=LEASE_SECONDS)
        answering: set[asyncio.Task[None]] = set()
        async for line in lines:
            task = asyncio.create_task(_answer(opened["till"], json.loads(line)))
            answering.add(task)
            task.add_done_callback(answering.discard)
        await asyncio.gather(*answering)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_work(json.loads(sys.argv[1])))

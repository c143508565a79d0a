"""The running system under attack: its stores, its instances, and what the campaign may do to all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx

from faults.instances import Instance, Supervisor
from faults.proxy import Proxy
from faults.receiver import Receiver
from faults.stores import Store
from leadway.hosting import service_names
from leadway.processes import free_port
from leadway.web import issue_token

PARTITIONS = 4
LEASE_SECONDS = 2.0
_driver: Any = asyncpg  # its own annotations leave most of its face unknown
_GATEWAY_LOOKS = 50
_TWICE = ("router", "sla-timer")  # services that run as two instances all the time


@dataclass
class World:
    """A Leadway of many processes."""

    folder: Path
    key: bytes
    postgres: Store
    kafka: Store | None
    receiver: Receiver
    supervisor: Supervisor
    client: httpx.AsyncClient
    environment: dict[str, str]
    record: Path
    source: tuple[str, str] = ("", "")  # of native leads: its id and its key
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    outage: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turn: int = 0
    _made: int = 0

    @property
    def database(self) -> str:
        """The database's own address, past the proxies."""
        return self.postgres.address

    def token(self, role: str, partner: str | None = None) -> str:
        """A token of that role."""
        name = f"{role}/{partner}"
        if name not in self.tokens:
            issued = issue_token(self.key, role=role, subject=f"{role}-faults", partner_id=partner)  # type: ignore[arg-type]
            self.tokens[name] = issued
        return self.tokens[name]

    async def base(self, service: str) -> str | None:
        """An instance of the service, in turn; as a gateway that has seen who is ready, and not who froze since."""
        for _ in range(_GATEWAY_LOOKS):
            serving = [each for each in self.supervisor.of(service) if each.serving]
            if serving:
                self._turn += 1
                return serving[self._turn % len(serving)].base
            await asyncio.sleep(0.1)
        return None

    def pick(self, chance: Random, *services: str) -> Instance | None:
        """Some instance that runs and that no other fault is at work on."""
        free = [
            each
            for each in self.supervisor.instances
            if each.wanted
            and each.alive
            and not each.busy
            and not each.frozen
            and (not services or each.service in services)
        ]
        return chance.choice(free) if free else None

    async def add(self, service: str) -> Instance:
        """One more instance of a service, started and supervised."""
        instance = await self.prepare(service)
        self.supervisor.instances.append(instance)
        self.supervisor.want(instance)
        return instance

    async def prepare(self, service: str) -> Instance:
        """An instance that was not started, and that nobody supervises."""
        self._made += 1
        proxy = Proxy(self.postgres.port)
        await proxy.start()
        return Instance(service, f"{service}-{self._made}", free_port(), proxy, self.folder)

    async def start_services(self) -> None:
        """Start every instance that there is to be, or that there was."""
        if not self.supervisor.instances:
            for service in (*service_names(), *_TWICE):
                await self.add(service)
            return
        for each in self.supervisor.instances:
            each.armed, each.frozen, each.busy = None, False, False
            self.supervisor.want(each)

    async def stop_services(self) -> None:
        """Stop every instance in good order."""
        await asyncio.gather(*[each.stop() for each in self.supervisor.instances])

    async def heal(self) -> list[str]:
        """Undo what can be undone, and wait until everything is ready; who is not, with what it says."""
        self.receiver.heal()
        if not self.postgres.running:
            await self.postgres.start()
        if self.kafka is not None and not self.kafka.running:
            await self.kafka.start()
        self.supervisor.stores_up.set()
        for instance in self.supervisor.instances:
            instance.proxy.heal()
            instance.signal(signal.SIGCONT)
            instance.frozen = instance.busy = False
            if instance.armed:  # it has not come by its crash point: it is not to die while we look
                instance.armed = None
                instance.kill("disarmed")
        await asyncio.sleep(0.2)
        return await self.supervisor.all_ready()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        """A connection of the database's owner."""
        connection = await _driver.connect(self.database.replace("+asyncpg", ""))
        try:
            yield connection
        finally:
            await connection.close()

    async def sql(self, statement: str, *values: Any) -> list[Mapping[str, Any]]:
        """Run a statement as the database's owner."""
        async with self.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def leadway(self, *words: str) -> tuple[int, str, str]:
        """The command line beside the deployment: its exit code, what it answered, and what it said beside."""
        program = str(Path(sys.executable).with_name("leadway"))
        settings = os.environ | self.environment | {"COLUMNS": "200"}
        process = await asyncio.create_subprocess_exec(
            program, *words, env=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, beside = await process.communicate()
        return process.returncode or 0, said.decode("utf-8", "replace"), beside.decode("utf-8", "replace")

    def note_outage(self) -> None:
        """From now on a store is away."""
        self.supervisor.stores_down_at = time.monotonic()
        self.supervisor.stores_up.clear()


@contextlib.asynccontextmanager
async def world(folder: Path, *, kafka: bool, extra: Mapping[str, str]) -> AsyncGenerator[World]:
    """Start everything by the command line, each service a process of its own; all of it ends with us."""
    key = secrets.token_bytes(32)
    postgres = Store("postgres", folder / "postgres", free_port())
    broker = Store("kafka", folder / "kafka", free_port()) if kafka else None
    receiver = Receiver(folder / "received.jsonl")
    async with contextlib.AsyncExitStack() as stack:
        for store in (postgres, broker):
            if store is not None:
                stack.callback(shutil.rmtree, store.folder.resolve(), ignore_errors=True)
                stack.push_async_callback(store.close)
                await store.start()
        stack.callback(lambda: shutil.rmtree(postgres.folder.resolve(), ignore_errors=True))
        await receiver.start()
        stack.push_async_callback(receiver.close)
        environment = _environment(folder, key, postgres, broker)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=8.0))
        supervisor = Supervisor(environment | dict(extra), client)
        supervisor.stores_up.set()
        made = World(folder, key, postgres, broker, receiver, supervisor, client, environment, folder / "record.jsonl")
        stack.push_async_callback(_end, made)
        await made.start_services()
        late = await supervisor.all_ready(seconds=120)
        if late:
            raise RuntimeError(f"the system does not start: {late}")
        supervising = asyncio.create_task(supervisor.run())
        stack.callback(supervising.cancel)
        yield made


def _environment(folder: Path, key: bytes, postgres: Store, kafka: Store | None) -> dict[str, str]:
    environment = {
        "LEADWAY_DEPLOYMENT_KEY": key.hex(),
        "LEADWAY_DATABASE_URL": postgres.address.replace("+asyncpg", ""),
        "LEADWAY_DATA_DIR": str(folder),
        "LEADWAY_PARTITIONS": str(PARTITIONS),
        "LEADWAY_LEASE_SECONDS": str(LEASE_SECONDS),
        "LEADWAY_CRASH": "",
    }
    return environment | ({"LEADWAY_KAFKA": kafka.address} if kafka else {})


async def _end(made: World) -> None:
    for instance in made.supervisor.instances:
        instance.wanted = False
        instance.signal(signal.SIGKILL)
        if instance.process is not None:
            instance.process.wait()
        await instance.proxy.close()

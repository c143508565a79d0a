"""A running Leadway for the tests of whole lives: any log, any arrangement of processes, one way to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from shapes import Shapes

from leadway.hosting import Deployment, Settings, deployment_key, service_names
from leadway.web import issue_token

PAYLOADS = Path(__file__).parents[1] / "fixtures" / "payloads"


@dataclass
class World:
    """What a test needs of a running system."""

    bases: Mapping[str, str]  # service → base URL
    key: bytes
    database: str
    kafka: str | None
    client: httpx.AsyncClient
    topic_prefix: str = ""
    shapes: Shapes = field(default_factory=Shapes)
    received: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    def token(self, role: str, partner: str | None = None) -> str:
        name = f"{role}/{partner}"
        if name not in self.tokens:
            self.tokens[name] = issue_token(self.key, role=role, subject=f"{role}-test", partner_id=partner)  # type: ignore[arg-type]
        return self.tokens[name]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "admin",
        partner: str | None = None,
        expect: int | tuple[int, ...] = (200, 201, 202),
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """Call a service; `expect` is the status that the test's story needs."""
        base = self.bases[path.split("/", 2)[1]]
        sent = {"Authorization": f"Bearer {self.token('partner' if partner else role, partner)}"}
        if headers is not None:
            sent = dict(headers)
        json_body = {"json": body} if body is not None else {}
        response = await self.client.request(method, base + path, headers=sent, content=content, **json_body)
        expected = (expect,) if isinstance(expect, int) else expect
        assert response.status_code in expected, f"{method} {path}: {response.status_code} {response.text[:600]}"
        await self.shapes.check(self.client, base, response)
        return response.json() if response.content else None


async def eventually(look: Callable[[], Awaitable[Any]], *, seconds: float = 60.0) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await look()):
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.03)
    return found


async def settled(deployment: Deployment) -> None:
    """Wait until every service has heard all that was said, and said all that it has to say."""

    async def quiet() -> bool:
        heads = await deployment.log.heads()
        for each in deployment.running.values():
            held = each.runtime.consumer.held
            if each.service.stage.foreign and any(p not in held or held[p].handled < head for p, head in heads.items()):
                return False
            if (await each.runtime.query("SELECT count(*) AS n FROM outbox"))[0]["n"]:
                return False
        return await deployment.log.heads() == heads

    await eventually(quiet)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def running(
    tmp_path: Path, database: str, *, kafka: str | None, separate: bool, topic_prefix: str
) -> AsyncGenerator[World]:
    """Start Leadway as its users do, by the command line: one process, or one for each service."""
    key = secrets.token_bytes(32)
    environment = os.environ | {
        "LEADWAY_DEPLOYMENT_KEY": key.hex(),
        "LEADWAY_DATABASE_URL": database,
        "LEADWAY_DATA_DIR": str(tmp_path),
        "LEADWAY_PARTITIONS": "4",
        "LEADWAY_TOPIC_PREFIX": topic_prefix,
    }
    if kafka is not None:
        environment["LEADWAY_KAFKA"] = kafka
    commands: list[list[str]] = []
    bases: dict[str, str] = {}
    if separate:
        for name in service_names():
            port = free_port()
            bases[name] = f"http://127.0.0.1:{port}"
            commands.append(["serve", name, "--port", str(port)])
        # A second instance of two services: they share the work, and nobody is to notice.
        commands += [["serve", name, "--port", str(free_port())] for name in ("router", "sla-timer")]
    else:
        port = free_port()
        bases = dict.fromkeys(service_names(), f"http://127.0.0.1:{port}")
        commands.append(["up", "--port", str(port)])
    with contextlib.ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((tmp_path / f"{command[-1]}.out").open("wb"))
            process = start(command, environment, log)
            stack.callback(stop, process)
        async with httpx.AsyncClient(timeout=60) as client:
            world = World(bases, key, database, kafka, client)
            for base in set(bases.values()):
                await eventually(lambda base=base: ready(client, base), seconds=180)
            yield world


def start(command: list[str], environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).with_name("leadway"))
    return subprocess.Popen([program, *command], env=environment, stdout=output, stderr=subprocess.STDOUT)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def ready(client: httpx.AsyncClient, base: str) -> bool:
    try:
        return (await client.get(f"{base}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.asynccontextmanager
async def receiver(world: World) -> AsyncGenerator[str]:
    """A partner's webhook receiver on the loopback: keeps each message with its headers and raw body, answers 204."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                world.received.append(
                    {"path": head[0].split()[1], "headers": headers, "raw": body, "body": json.loads(body)}
                )
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


__all__ = ["PAYLOADS", "Settings", "World", "deployment_key", "eventually", "receiver", "running", "settled"]

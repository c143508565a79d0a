"""One process of a deployment: the services that it runs, put together and started, stopped in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.database import connect, migrate, role_of, schema_of
from leadway.eventlog import EventLog, open_log
from leadway.hosting._settings import Settings
from leadway.stage import Service, Stopped
from leadway.stage.runtime import GateLimits, Runtime, RuntimeLimits, Turns, create_views, end
from leadway.web import TokenVerifier, gateway, load_or_create_key

_log = structlog.get_logger("leadway.hosting")
_CLOSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Host:
    """What each service of the process is given. See leadway.stage.ServiceHost."""

    settings: Mapping[str, str]
    base_url: str
    log: EventLog
    tokens: TokenVerifier
    key: bytes = field(repr=False)

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose, derived from the deployment's key."""
        return HKDF(SHA256(), 32, salt=b"leadway", info=purpose.encode()).derive(self.key)


@dataclass(frozen=True, slots=True)
class ServiceRunning:
    """A started service."""

    service: Service
    runtime: Runtime
    engine: AsyncEngine
    app: Any
    background: tuple[asyncio.Task[None], ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """The started services of this process behind one ASGI app."""

    settings: Settings
    log: EventLog
    key: bytes = field(repr=False)
    running: Mapping[str, ServiceRunning]
    app: Any

    def stopped(self) -> dict[str, str]:
        """Services that found that they must not go on, with why."""
        return {name: each.runtime.stopped for name, each in self.running.items() if each.runtime.stopped}


@contextlib.asynccontextmanager
async def deployment(
    settings: Settings,
    services: Iterable[Service],
    *,
    base_url: str = "",
    limits: RuntimeLimits | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> AsyncGenerator[Deployment]:
    """Start services on a database (`settings.database_url` must be set) and the log that the settings name.

    Raises leadway.stage.Stopped where a service's database and the log do not belong together.
    """
    if settings.database_url is None:
        message = "a deployment needs a database address"
        raise ValueError(message)
    key = deployment_key(settings)
    async with contextlib.AsyncExitStack() as stack:
        log = open_log(
            database_url=settings.database_url,
            kafka=settings.kafka,
            partitions=settings.partitions,
            topic_prefix=settings.topic_prefix,
        )
        await log.start()
        stack.push_async_callback(_in_time, "the log", log.close)
        host = Host(settings.for_services(), base_url, log, TokenVerifier.for_key(key), key)
        limits = limits or RuntimeLimits(
            gate=GateLimits(), lease_seconds=settings.lease_seconds, idempotency_hours=settings.idempotency_hours
        )
        turns = Turns()
        running: dict[str, ServiceRunning] = {}
        for service in services:
            progress(service.name)
            running[service.name] = await _start(stack, settings, host, service, limits, turns=turns)
        app = gateway({each.service.name: each.app for each in running.values()})
        yield Deployment(settings=settings, log=log, key=key, running=running, app=app)


async def _start(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    host: Host,
    service: Service,
    limits: RuntimeLimits,
    *,
    turns: Turns,
) -> ServiceRunning:
    assert settings.database_url is not None  # noqa: S101 checked by deployment()
    await migrate(settings.database_url, service.name, migrations_of(service))
    instance = f"{service.name}-{os.getpid()}-{secrets.token_hex(3)}"
    engine = connect(
        settings.database_url,
        schema=schema_of(service.name),
        role=role_of(service.name),
        pool_size=settings.pool_size,
        application_name=instance,
        plan_always=True,
    )
    stack.push_async_callback(_in_time, f"the connections of {service.name}", engine.dispose)
    async with engine.begin() as connection:
        await create_views(connection, service.stage)
    runtime = Runtime(stage=service.stage, engine=engine, log=host.log, instance=instance, limits=limits, turns=turns)
    built = service.build(host, runtime)
    show_readiness(built.app, runtime)
    await runtime.start()
    stack.push_async_callback(runtime.close)
    tasks = tuple(
        asyncio.create_task(_kept_up(service.name, each), name=f"{service.name}.background")
        for each in built.background
    )
    stack.push_async_callback(end, tasks)
    return ServiceRunning(service, runtime, engine, built.app, tasks)


def show_readiness(app: Any, runtime: Runtime) -> None:
    """Let /readyz of a service's app also say whether its stage works and its database answers."""

    async def stage() -> str | None:
        return f"stopped: {runtime.stopped}" if runtime.stopped else None

    async def database() -> str | None:
        await runtime.query("SELECT 1")
        return None

    face = app.state.face
    app.state.face = replace(face, checks={**face.checks, "stage": stage, "database": database})


async def _kept_up(service: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run a service's own background work; start it again, with a pause, when it fails."""
    pause = 0.5
    while True:
        try:
            await work()
        except Stopped:
            raise
        except Exception:  # noqa: BLE001 it is said, and tried again
            _log.exception("background_failed", service=service)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 10.0)


async def _in_time(what: str, close: Callable[[], Awaitable[None]]) -> None:
    """Close something at the end; what is still open after a while ends with the process."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except TimeoutError:
        _log.error("not_closed_in_time", what=what)


def migrations_of(service: Service) -> Path | None:
    """The folder with a service's own migrations, where it has some."""
    if service.migrations is None:
        return None
    found = find_spec(service.package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(service.package)
    return Path(next(iter(found.submodule_search_locations))) / service.migrations


def deployment_key(settings: Settings) -> bytes:
    """The key that signs tokens and from which every other secret is derived. Raises ValueError where it is none."""
    if settings.deployment_key is not None:
        return bytes.fromhex(settings.deployment_key)
    return load_or_create_key(settings.data_dir / "deployment.key")

"""Services behind uvicorn, from the first line of the log to a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from types import FrameType

import uvicorn
import uvloop
from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError

from leadway.cli._console import MISUSED, STOPPED, Failed, program
from leadway.cli._key import made_key_of, settle_key
from leadway.cli._place import Place
from leadway.cli._trouble import database_trouble, log_trouble
from leadway.database import SchemaUnknown
from leadway.eventlog import LogError, LogLost
from leadway.hosting import Deployment, Settings, deployment, services
from leadway.processes import spare_what_is_loaded
from leadway.stage import Service, Stopped
from leadway.telemetry import LogSettings, configure_logs
from leadway.web import SERVER_OPTIONS

Ready = Callable[[Deployment], Awaitable[None]]
"""Called when requests are answered; what it waits for is cancelled at the stop."""

_BACKLOG = 2048
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def heed_sigterm() -> None:
    """Let SIGTERM end what is under way in good order, also before there is a loop that handles it."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def bound(host: str, port: int) -> socket.socket:
    """A socket that nobody else can take any more. Raises Failed where somebody has it, or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Only listening makes it ours: until then others may bind it too, and two would say that they are ready.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _not_bound(host, port, error) from error
    return listener


def _not_bound(host: str, port: int, error: OSError) -> Failed:
    told = error.strerror or str(error)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        remedy = "choose one with --host: 127.0.0.1 for this machine alone, 0.0.0.0 for all of its addresses"
        return Failed(f"{host} is no address of this machine: {told}", remedy, code=MISUSED)
    least = " from 1024 on" if error.errno == errno.EACCES else ""
    remedy = f"choose another{least} with --port (0: any free one)"
    return Failed(f"port {port} on {host}: {told}", remedy, code=MISUSED)


def address_of(listener: socket.socket, settings: Settings) -> str:
    """How the world reaches what listens there."""
    if settings.base_url:
        return settings.base_url.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 compared, not bound
    return f"http://{host}:{listener.getsockname()[1]}"


def installed(names: Sequence[str] | None = None) -> tuple[Service, ...]:
    """The services by name, all where none are named. Raises Failed for a name that there is not."""
    try:
        return services(names)
    except LookupError as error:
        raise Failed(str(error.args[0]), code=MISUSED) from error


def run(
    settings: Settings,
    chosen: Sequence[Service],
    listener: socket.socket,
    *,
    process: str,
    tell: Callable[[str], None],
    ready: Ready,
) -> None:
    """Run services until SIGINT or SIGTERM. Raises Failed where they cannot begin, saying what to do."""
    place = Place(settings.data_dir)
    key = made_key_of(settings)
    configure_logs(LogSettings(file=place.log(process), level=settings.log_level))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings, chosen, listener, tell, ready, key=key))
    except Stopped as error:
        remedy = f"nothing was decided or sent; `{program()} doctor` tells more"
        raise Failed(str(error), remedy, code=STOPPED) from error
    except LogLost as error:
        raise Failed(f"the log: {error}", code=STOPPED) from error
    except SchemaUnknown as error:
        raise Failed(f"the database is of a newer Leadway than this one: {error}", code=STOPPED) from error
    except LogError as error:
        raise log_trouble(error, settings.kafka, settings.database_url) from error
    except (OSError, SQLAlchemyError, PostgresError) as error:
        raise database_trouble(error, settings.database_url) from error
    except asyncio.CancelledError:
        return
    finally:
        listener.close()


async def _run(
    settings: Settings,
    chosen: Sequence[Service],
    listener: socket.socket,
    tell: Callable[[str], None],
    ready: Ready,
    *,
    key: bytes,
) -> None:
    base_url = address_of(listener, settings)
    assert settings.database_url is not None  # noqa: S101 see leadway.cli._backing.backing and leadway.cli._serve
    with _stopping() as stop:
        await settle_key(settings.database_url, key)
        async with deployment(
            settings, chosen, base_url=base_url, progress=lambda name: tell(f"starting {name}")
        ) as running:
            server = _Server(uvicorn.Config(running.app, http="httptools", **SERVER_OPTIONS))
            stop[:] = [server.ask_to_exit]
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            beside = asyncio.create_task(_beside(server, ready, running))
            try:
                await serving
            finally:
                beside.cancel()
                await asyncio.gather(beside, return_exceptions=True)


async def _beside(server: _Server, ready: Ready, running: Deployment) -> None:
    await server.answering.wait()
    spare_what_is_loaded()
    await ready(running)


@contextlib.contextmanager
def _stopping() -> Generator[list[Callable[[], object]]]:
    """What a signal to stop calls at the moment: before there is a server, the start is cancelled."""
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()
    calls: list[Callable[[], object]] = [starting.cancel] if starting else []

    def stop() -> None:
        for call in list(calls):
            call()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield calls
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """uvicorn's server, whose signals are ours to handle: after it the services and the database are to be stopped."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def ask_to_exit(self) -> None:
        """End what is being answered, then exit; asked again, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

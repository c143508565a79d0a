"""A service put together: what it is made of, what its process gives it, and what its api may ask of its stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leadway.stage._asking import Answer, Request
from leadway.stage._declare import Catalogs, Stage


class StageRuntime(Protocol):
    """A running stage, as a service's api sees it."""

    async def execute(self, request: Request) -> Answer:
        """Decide a command in a (gathered) transaction; return its durable answer.

        Raises the decider's Refusal, or one with 503 and Retry-After: Overloaded, Unavailable, Lagging, LeadParked,
        OutcomeUnknown.
        """
        ...

    async def query(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """Rows of a read-only query on the service's own tables (`:name` parameters).

        Raises Unavailable, as `keep`, `lead` and `catalogs` do, where the database is away.
        """
        ...

    async def keep(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """Run one statement on the service's own kept tables (attempt counters …), in a transaction of its own."""
        ...

    async def lead(self, subject: str) -> tuple[Any, Any]:
        """(state, mirror) of a lead as last committed; the initial ones where nothing is known."""
        ...

    async def leads(self, subjects: Sequence[str]) -> Mapping[str, tuple[Any, Any]]:
        """As `lead`, of many at once, by subject and in the order asked for: what a list is made of."""
        ...

    async def lead_once_known(self, subject: str, known: Callable[[Any, Any], bool]) -> tuple[Any, Any]:
        """As `lead`; where `known(state, mirror)` does not hold, all that the log now says of the lead is read first: a
        lead of a moment ago is found. Raises Lagging where that takes too long.
        """
        ...

    async def catalogs(self) -> Catalogs:
        """The catalogs as last committed."""
        ...

    @property
    def catalogs_held(self) -> Catalogs:
        """The catalogs as of this instance's last transaction: no query, maybe a moment old."""
        ...

    def on_saved(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each commit of this instance that decided something."""
        ...


class ServiceHost(Protocol):
    """What the composition root of a process gives each service."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Settings by name, from the environment (LEADWAY_…), without secrets."""
        ...

    @property
    def base_url(self) -> str: ...

    @property
    def log(self) -> Any:
        """The event log (leadway.eventlog.EventLog)."""
        ...

    @property
    def tokens(self) -> Any:
        """leadway.web.TokenVerifier."""
        ...

    def secret(self, purpose: str) -> bytes:
        """32 bytes derived from the deployment's key for one purpose (HKDF)."""
        ...


@dataclass(frozen=True, slots=True)
class Built:
    """A service put together: its ASGI app, and what runs beside it until cancelled."""

    app: Any
    background: tuple[Callable[[], Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """The entry point `leadway.services` of a service package: `SERVICE` in its app.py."""

    name: str
    package: str
    stage: Stage
    build: Callable[[ServiceHost, StageRuntime], Built]
    migrations: str | None = None
    """Folder inside the package with the migrations of its own kept tables."""

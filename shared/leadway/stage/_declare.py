"""What a service tells the runtime: its decider, and a few pure functions around it.

Nothing here does I/O. A service is one `Stage`; the runtime turns it into tables, loops and transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from leadway.decider import Decider
from leadway.facts import CatalogFact, Envelope, Fact

K = TypeVar("K", bound=CatalogFact)
M = TypeVar("M")


class Catalogs(Protocol):
    """The catalog entries that this service knows: its own, and its copies of others'. One snapshot for a batch."""

    def get(self, kind: type[K], entity_id: str) -> K | None:
        """The newest version of one entry."""
        ...

    def all(self, kind: type[K]) -> Mapping[str, K]:
        """Every entry of a kind by its id."""
        ...

    def memo(self, name: str, build: Callable[[Catalogs], M]) -> M:
        """What `build` makes of the catalogs, made again only after one of them changed."""
        ...


class Around(Protocol):
    """What stands around one command while it is completed: all that decide may need from outside its lead."""

    @property
    def now(self) -> datetime:
        """UTC; the database's clock, read once after every lock of the batch was taken."""
        ...

    @property
    def subject(self) -> str: ...

    @property
    def state(self) -> Any:
        """The lead's state, earlier decisions of this batch included."""
        ...

    @property
    def mirror(self) -> Any:
        """The lead's fold of foreign facts, up to and with the one that the command came from."""
        ...

    @property
    def catalogs(self) -> Catalogs: ...

    @property
    def cause_at(self) -> datetime:
        """When the input came about: its fact's time, its timer's due_at, or now for a request."""
        ...

    @property
    def actor(self) -> str: ...

    @property
    def input_id(self) -> str:
        """The fact or request that the command came from."""
        ...

    def shared(self, key: str) -> Any:
        """The value of a shared key, earlier decisions of this batch included. Name it in `shared_keys` first."""
        ...

    def identity(self, key: str) -> Any:
        """The value of an identity key, as `shared`."""
        ...

    def state_of(self, subject: str) -> Any:
        """The state of another lead that `subjects` named (ingest: a known person's open leads)."""
        ...

    def looked_up(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The rows that this command's lookup of that name found, read after every lock."""
        ...

    def id(self, prefix: str, *parts: str) -> str:
        """An id derived from the input and `parts`: the same input gives the same id again."""
        ...


def _no_keys(*_: object) -> Iterable[str]:
    return ()


def _no_lookups(*_: object) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    return {}


def _as_given(command: Any, around: Around) -> tuple[str, Any]:
    return around.subject, command


@dataclass(frozen=True, slots=True)
class Gathering:
    """What commands need from outside their lead. Each is pure and called within the transaction."""

    identity_keys: Callable[[Any], Iterable[str]] = _no_keys
    """(command) → identity rows to lock before the leads; they find the lead that a command is about."""
    identity_of_state: Callable[[Any], Iterable[str]] = _no_keys
    """(state) → identity rows that a fact-born command on such a lead may touch; they never change for a lead."""
    subjects: Callable[[Any, Mapping[str, Any]], Iterable[str]] = _no_keys
    """(command, identity values by key) → leads that the command may turn out to be about."""
    shared_keys: Callable[[Any, Around], Iterable[str]] = _no_keys
    """(command, around) → shared rows to lock after the leads. Name every key that a resulting fact may touch."""
    lookups: Callable[[Any, Around], Mapping[str, tuple[str, Mapping[str, Any]]]] = _no_lookups
    """(command, around) → name: (SQL on own views, parameters). For rare commands only: a query for each of them."""
    complete: Callable[[Any, Around], tuple[str, Any]] = _as_given
    """(command, around) → (subject, the command that decide gets): time, ids, candidates, values of shared keys."""


@dataclass(frozen=True, slots=True)
class SharedFold:
    """A fold of own facts into rows that span leads. It must not depend on the order of facts of different leads."""

    keys: Callable[[Fact], Iterable[str]]
    initial: Callable[[str], Any]
    evolve: Callable[[str, Any, Fact], Any]
    value_type: Any  # what the values are (a struct or a union of structs), for the codec


@dataclass(frozen=True, slots=True)
class Mirror:
    """A fold of foreign facts of one lead. `reflect` is total over the stage's `foreign` lead facts."""

    initial: Any
    reflect: Callable[[Any, Envelope], Any]
    type: Any


@dataclass(frozen=True, slots=True)
class View:
    """A table that the runtime keeps equal to a pure function of each lead's state (or mirror).

    `columns`: name → SQL type. The table gets a first column `subject` too. `rows(subject, state)` gives this lead's
    rows, values in column order without the subject. `indexes`: column lists, as SQL.
    """

    table: str
    columns: Mapping[str, str]
    rows: Callable[[str, Any], Iterable[tuple[Any, ...]]]
    of: Literal["state", "mirror"] = "state"
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timer:
    """A wake-up that a lead's state asks for. It stands as long as the state still names it with this instant."""

    name: str
    due_at: datetime


def _no_timers(_: Any) -> Iterable[Timer]:
    return ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One service, declared."""

    service: str
    leads: Decider[Any, Any, Any] | None = None
    state_type: Any = None
    catalogs: tuple[type[CatalogFact], ...] = ()
    foreign: tuple[type[Fact], ...] = ()
    translate: Callable[[Envelope], Any | None] | None = None
    mirror: Mirror | None = None
    gathering: Gathering = field(default_factory=Gathering)
    shared: SharedFold | None = None
    identity: SharedFold | None = None
    views: tuple[View, ...] = ()
    timers: Callable[[Any], Iterable[Timer]] = _no_timers
    on_timer: Callable[[str, Timer], Any] | None = None
    """(subject, timer) → the command for a timer that is due. Without it nobody asks a state for its timers."""
    time_of: Callable[[Fact], datetime | None] | None = None
    """Facts whose envelope time is an instant of their own (a deadline's facts have its due_at)."""
    awaits: Callable[[Envelope], Iterable[tuple[type[CatalogFact], str, int]]] | None = None
    """Catalog versions that should be here before a fact is handled; waited for within a bound."""
    gather_seconds: float = 0.0
    """Off-path readers gather for so long after a wake."""
    waking: Callable[[Catalogs], frozenset[type[Fact]]] | None = None
    """Those of `foreign` for which something is to be done at once; None: all. The others may come a second later."""
    keeps_resends: bool = False
    """Record the places of resent records (attribution: /facts leaves them out)."""

"""The public API, as its callers use it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

import httpx

from leadway.cli._console import REFUSED, Failed, program
from leadway.web import Role, issue_token

T = TypeVar("T")
Json = dict[str, Any]

_TOKEN_TTL = timedelta(hours=1)
_WAIT_SECONDS_MAX = 30.0
_PAUSE_SECONDS = 0.05
_REFUSED_FROM = 400


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, whatever its status."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def problem(self) -> str:
        """What the problem is, by the last part of its type."""
        body: object = self.body
        found: object = cast("Json", body).get("type", "") if isinstance(body, dict) else ""
        return str(found).rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token."""

    client: httpx.AsyncClient
    token: str = field(repr=False)

    async def get(self, path: str, **query: str) -> Any:
        """What is there. Raises Failed."""
        return (await self.ask("GET", path, query=query)).body

    async def post(self, path: str, body: Any = None) -> Any:
        """The answer to a command. Raises Failed."""
        return (await self.ask("POST", path, {} if body is None else body)).body

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """The answer of a call that must succeed. Raises Failed with the problem."""
        answered = await self.attempt(method, path, body, query=query, headers=headers)
        if answered.status >= _REFUSED_FROM:
            raise Failed(f"{method} {path}: {answered.status} {answered.body}", code=REFUSED)
        return answered

    async def attempt(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """The answer, also where it is a problem."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        response = await self.client.request(
            method, path, headers=sent, params=dict(query or {}), **({} if body is None else {"json": body})
        )
        return answered_of(response)


@dataclass(frozen=True, slots=True)
class Api:
    """A running system, and the key that its tokens are signed with."""

    client: httpx.AsyncClient
    key: bytes = field(repr=False)

    @property
    def base(self) -> str:
        """Its address."""
        return str(self.client.base_url).rstrip("/")

    def caller(self, role: Role, subject: str) -> Caller:
        """Somebody of the vendor's."""
        scope = "assigned" if role == "cam" else "all"
        return Caller(self.client, issue_token(self.key, role=role, subject=subject, scope=scope, ttl=_TOKEN_TTL))

    def partner(self, partner_id: str) -> Caller:
        """Somebody of a partner's."""
        token = issue_token(
            self.key, role="partner", subject=f"{partner_id}/demo", partner_id=partner_id, ttl=_TOKEN_TTL
        )
        return Caller(self.client, token)

    async def submit(self, source: Json, content: bytes, *, key_in_body: bool = False) -> Answered:
        """Post a payload to its source, as its tool does. Raises Failed."""
        headers = {} if key_in_body else {"X-Leadway-Key": source["key"]}
        kind = "text/csv" if source["kind"] == "csv" else "application/json"
        path = f"/ingest/v1/sources/{source['id']}/leads"
        response = await self.client.post(path, content=content, headers={**headers, "Content-Type": kind})
        answered = answered_of(response)
        if answered.status >= _REFUSED_FROM:
            raise Failed(f"POST {path}: {answered.status} {answered.body}", code=REFUSED)
        return answered


def answered_of(response: httpx.Response) -> Answered:
    """An answer with its JSON body."""
    try:
        body = response.json() if response.content else None
    except ValueError:
        body = response.text[:500]
    return Answered(response.status_code, body, response.headers)


async def until(what: str, look: Callable[[], Awaitable[T | None]], seconds: float = _WAIT_SECONDS_MAX) -> T:
    """What `look` finds, as soon as it finds something. Raises Failed where it does not come to that in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = await look()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise Failed(f"after {seconds:.0f} s: {what}", f"`{program()} doctor` tells whether a service is behind")
        await asyncio.sleep(_PAUSE_SECONDS)

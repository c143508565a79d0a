"""Ingest, running: one for all tests of a module, which keep out of each other's way by people of their own."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest_asyncio

from leadway.database import scratch_database
from leadway.ingest.app import SERVICE
from leadway.testing.serving import Served, serving


@dataclass
class Desk:
    """Ingest as its callers see it: an admin, and tools that post to sources."""

    served: Served
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _sources: dict[str, Source] = field(default_factory=dict[str, "Source"])

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **more: Any) -> Any:
        """Call a route as an admin; `expect` is the status that the test's story needs."""
        headers = {**self.served.bearer("admin"), **more.pop("headers", {})}
        json_body = {} if body is None else {"json": body}
        answer = await self.served.client.request(method, f"/ingest/v1{path}", headers=headers, **json_body, **more)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def source(self, kind: str = "native", **said: Any) -> Source:
        made = await self.ask("POST", "/sources", {"name": kind, "kind": kind, **said}, expect=201)
        return Source(self, made["id"], made["key"])

    async def known_source(self, kind: str) -> Source:
        """One source of a kind for all tests that need no source of their own."""
        if kind not in self._sources:
            self._sources[kind] = await self.source(kind)
        return self._sources[kind]

    def somebody(self) -> str:
        """The e-mail of a person whom no other test knows."""
        return f"person-{next(self._numbers)}@company-{next(self._numbers)}.example"

    async def counted(self) -> Mapping[str, int]:
        """How many rows and facts there are: what a refusal must not change."""
        runtime = self.served.deployment.running["ingest"].runtime
        (row,) = await runtime.query(
            """SELECT (SELECT count(*) FROM leads) AS leads, (SELECT count(*) FROM held) AS held,
                      (SELECT count(*) FROM subjects WHERE state IS NOT NULL) AS states,
                      (SELECT sum(sequence) FROM counters) AS facts"""
        )
        return dict(row)


@dataclass(frozen=True)
class Source:
    """A source, and its key."""

    desk: Desk
    id: str
    key: str

    @property
    def path(self) -> str:
        return f"/ingest/v1/sources/{self.id}/leads"

    async def post(self, body: Any, *, headers: Mapping[str, str] | None = None, query: str = "") -> httpx.Response:
        """Post as a tool does; `headers` in place of the usual key header."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"X-Leadway-Key": self.key} if headers is None else headers
        return await self.desk.served.client.post(self.path + query, content=content, headers=sent)

    async def lead(self, email: str, **said: Any) -> dict[str, Any]:
        """A native submission that is taken; what is answered."""
        person = {"email": email, **said.pop("person", {})}
        answer = await self.post({"person": person, **said})
        assert answer.status_code == 202, answer.text
        return answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(postgres_url: str) -> AsyncGenerator[Desk]:
    async with (
        scratch_database(postgres_url, f"test_{secrets.token_hex(8)}") as url,
        serving(SERVICE, url) as served,
    ):
        yield Desk(served)

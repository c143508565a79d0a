"""The database goes away and comes back: every answer meanwhile is a 503 that says when to come again, none a 500."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from leadway.database import EmbeddedPostgres
from leadway.ingest.app import SERVICE
from leadway.processes import free_port
from leadway.stage.runtime import GateLimits, RuntimeLimits
from leadway.testing.serving import Served, eventually, serving

LIMITS = RuntimeLimits(gate=GateLimits(database_wait_seconds=0.3), lease_seconds=2.0)
LEAD = {"person": {"email": "ada@klinika.example"}, "product": "imaging"}
ENDED = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name LIKE 'ingest-%' AND pid <> pg_backend_pid()"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "postgres", port=free_port(), durable=False)
    made.start()
    yield made
    made.destroy()


@pytest_asyncio.fixture
async def ingest(server: EmbeddedPostgres) -> AsyncGenerator[Served]:
    async with serving(SERVICE, server.tcp_url, limits=LIMITS) as served:
        yield served


async def a_source(ingest: Served) -> tuple[str, dict[str, str]]:
    made = await ingest.client.post(
        "/ingest/v1/sources", json={"name": "Site", "kind": "native"}, headers=ingest.bearer("admin")
    )
    source = made.json()
    return f"/ingest/v1/sources/{source['id']}/leads", {"X-Leadway-Key": source["key"]}


def says_when(answer: httpx.Response) -> None:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["type"]) == (503, "/problems/unavailable"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_while_the_database_is_away_everything_is_503_and_afterwards_all_goes_on(
    ingest: Served, server: EmbeddedPostgres
) -> None:
    path, key = await a_source(ingest)
    admin = ingest.bearer("admin")
    lead = (await ingest.client.post(path, json=LEAD, headers=key)).json()["lead_id"]
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    no_source = "/ingest/v1/sources/src_unknown/leads"

    async def gone() -> bool:  # a backend may answer once more before it notices that its postmaster died
        return (await ingest.client.get(f"/ingest/v1/leads/{lead}", headers=admin)).status_code != 200

    await eventually(gone)
    says_when(await ingest.client.get(f"/ingest/v1/leads/{lead}", headers=admin))
    says_when(await ingest.client.get("/ingest/v1/leads?domain=klinika.example", headers=admin))
    says_when(await ingest.client.get("/ingest/v1/campaigns", headers=admin))
    says_when(await ingest.client.post(no_source, json=LEAD, headers=key))
    says_when(await ingest.client.post(path, json=LEAD, headers=key))
    whole = httpx.ASGITransport(app=ingest.deployment.app)
    async with httpx.AsyncClient(transport=whole, base_url="http://leadway.test") as client:
        assert (await client.get("/readyz")).status_code == 503
    server.start()

    async def found() -> bool:
        return (await ingest.client.get(f"/ingest/v1/leads/{lead}", headers=admin)).status_code == 200

    async def taken() -> bool:
        again = {**LEAD, "person": {"email": "grace@klinika.example"}}
        return (await ingest.client.post(path, json=again, headers=key)).status_code == 202

    await eventually(found, seconds_max=60)
    await eventually(taken, seconds_max=60)


async def test_connections_that_were_ended_cost_at_most_a_503_each(ingest: Served, server: EmbeddedPostgres) -> None:
    path, key = await a_source(ingest)
    admin = ingest.bearer("admin")
    lead = (await ingest.client.post(path, json=LEAD, headers=key)).json()["lead_id"]
    statuses: set[int] = set()
    operator = create_async_engine(server.tcp_url)
    for _ in range(10):
        async with operator.connect() as connection:
            await connection.execute(text(ENDED))
        for _ in range(3):
            statuses.add((await ingest.client.get(f"/ingest/v1/leads/{lead}", headers=admin)).status_code)
            statuses.add((await ingest.client.get("/ingest/v1/campaigns", headers=admin)).status_code)
    await operator.dispose()
    assert statuses <= {200, 503}
    assert 200 in statuses

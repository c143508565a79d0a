"""One service on a real database and log, with the test in the place of all others."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts import Envelope, Fact
from leadway.facts.codec import decode, encode_data, encode_headers
from leadway.hosting import Deployment, Settings, deployment
from leadway.ids import draw
from leadway.stage import Service
from leadway.stage.runtime import RuntimeLimits
from leadway.web import Role, issue_token

_WAIT_SECONDS = 60.0


@dataclass
class Served:
    """A running service. `client` speaks to it; `tell` says what others would; `facts` is what it said itself."""

    service: Service
    deployment: Deployment
    client: httpx.AsyncClient
    _sequences: Counter[tuple[str, Partition]] = field(default_factory=Counter[tuple[str, Partition]])

    def bearer(self, role: Role, partner_id: str | None = None) -> Mapping[str, str]:
        """Headers of a caller."""
        token = issue_token(self.deployment.key, role=role, subject=f"{role}-test", partner_id=partner_id)
        return {"Authorization": f"Bearer {token}"}

    async def tell(self, subject: str, fact: Fact, *, at: datetime | None = None) -> str:
        """Put another service's fact on the log, as its relay would; gives the fact's id."""
        log = self.deployment.log
        partition = Partition(fact.topic, partition_of(subject.encode(), log.partitions))
        self._sequences[fact.source, partition] += 1
        envelope = Envelope(
            id=draw("fact"),
            type=fact.wire,
            source=fact.source,
            subject=subject,
            time=at or datetime.now(UTC),
            sequence=self._sequences[fact.source, partition],
            cause="test",
            correlation="test",
            actor="user:test",
            data=fact,
        )
        producer = await log.producer(fact.source)
        await producer.append(partition, [NewRecord(subject.encode(), encode_data(fact), encode_headers(envelope))])
        await producer.close()
        return envelope.id

    async def facts(self, subject: str) -> list[Envelope]:
        """What the service has said of a lead so far, in order."""
        log = self.deployment.log
        partition = Partition("lead-events", partition_of(subject.encode(), log.partitions))
        found: list[Envelope] = []
        async for records in log.read(partition, 0):
            envelopes = (decode(dict(record.headers), record.value or b"") for record in records)
            found += [
                each for each in envelopes if each.source == self.service.stage.service and each.subject == subject
            ]
        return found

    async def said(self, subject: str, *types: str) -> list[Envelope]:
        """Wait until the service has said facts of exactly these types, in this order; gives them."""

        async def look() -> list[Envelope] | None:
            facts = await self.facts(subject)
            return facts if len(facts) >= len(types) else None

        facts = await eventually(look)
        found = [each.type.rpartition(".v")[0] for each in facts]
        assert found == list(types), f"said {found}, not {list(types)}"  # noqa: S101 it is a test's
        return facts


@contextlib.asynccontextmanager
async def serving(service: Service, database: str, *, limits: RuntimeLimits | None = None) -> AsyncGenerator[Served]:
    """Start one service on an empty database, with the log in it."""
    settings = Settings(database_url=database, deployment_key=secrets.token_hex(32), partitions=4)
    async with deployment(settings, [service], base_url="http://leadway.test", limits=limits) as running:
        transport = httpx.ASGITransport(app=running.running[service.name].app)
        async with httpx.AsyncClient(transport=transport, base_url="http://leadway.test") as client:
            yield Served(service, running, client)


async def eventually(look: Callable[[], Awaitable[Any]], *, seconds_max: float = _WAIT_SECONDS) -> Any:
    """What `look` gives, as soon as it gives something."""
    async with asyncio.timeout(seconds_max):
        while not (found := await look()):  # noqa: ASYNC110 what is waited for is in a database or on a log
            await asyncio.sleep(0.02)
    return found

"""A Leadway that stands for a whole module of tests, in their own process: every service, the embedded log."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
from world import World, eventually, settled

from leadway.database import scratch_database
from leadway.hosting import Deployment, Settings, deployment, service_names, services
from leadway.web import issue_token

BASE = "http://leadway.test"
MODEL = {"qualify": [{"when": {"score": {"min": 0}}, "label": "everyone"}]}
Headers = Mapping[str, str]


class Standing(World):
    """A running Leadway, and the few things that stories do again and again."""

    source: Mapping[str, Any]
    deployment: Deployment

    def cam(self, subject: str) -> Headers:
        """The headers of a channel account manager who sees the partners assigned to it, and no other."""
        return {"Authorization": f"Bearer {issue_token(self.key, role='cam', subject=subject, scope='assigned')}"}

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "admin",
        partner: str | None = None,
        headers: Headers | None = None,
    ) -> httpx.Response:
        """Call a service; the whole response, whatever its status."""
        token = {"Authorization": f"Bearer {self.token('partner' if partner else role, partner)}"}
        content = {} if body is None else {"json": body}
        response = await self.client.request(method, path, headers={**token, **(headers or {})}, **content)
        await self.shapes.check(self.client, "", response)
        return response

    async def partner(self, name: str, **fields: Any) -> str:
        """A new partner's id."""
        made = await self.ask("POST", "/router/v1/partners", {"name": name, "tier": "gold", **fields})
        return made["id"]

    async def rules(self, *steps: Any, account: str = "ignore", **rule: Any) -> None:
        """From now on every lead takes these steps, in the end to the queue `nobody`."""
        one = {"name": secrets.token_hex(4), "then": list(steps), **rule}
        body = {"account": account, "rules": [one], "otherwise": {"retain": {"queue": "nobody"}}}
        await self.ask("PUT", "/router/v1/rules", body)

    async def capture(self, **fields: Any) -> str:
        """Send a lead of a person and a company that nobody has heard of, where `fields` say nothing else."""
        word = secrets.token_hex(6)
        body: dict[str, Any] = {
            "person": {"email": f"rosa@{word}.example", "first_name": "Rosalinde", "last_name": "Quast"},
            "company": {"name": f"Werk {word}", "domain": f"{word}.example", "country": "DE"},
        }
        key = {"X-Leadway-Key": self.source["key"]}
        path = f"/ingest/v1/sources/{self.source['id']}/leads"
        return (await self.ask("POST", path, body | fields, headers=key, expect=202))["lead_id"]

    async def routed(self, lead: str, *states: str, other_than: str = "") -> dict[str, Any]:
        """The router's view of a lead, as soon as its state is one of `states` (under a new assignment)."""

        async def look() -> dict[str, Any] | None:
            response = await self.call("GET", f"/router/v1/leads/{lead}")
            if response.status_code != 200:
                return None
            found = response.json()
            return found if found["state"] in states and found.get("assignment_id", "-") != other_than else None

        return await eventually(look)

    async def clocks(self, lead: str) -> list[dict[str, Any]]:
        """The lead's clocks, as soon as sla-timer has heard of it."""

        async def look() -> dict[str, Any] | None:
            response = await self.call("GET", f"/sla-timer/v1/leads/{lead}")
            return response.json() if response.status_code == 200 else None

        return (await eventually(look))["clocks"]

    async def working(self, lead: str, partner: str) -> dict[str, Any]:
        """The working lead as its holder sees it, as soon as it does."""

        async def look() -> dict[str, Any] | None:
            response = await self.call("GET", f"/dealreg/v1/leads/{lead}", partner=partner)
            return response.json() if response.status_code == 200 else None

        return await eventually(look)

    async def held(self, partner: str, **fields: Any) -> str:
        """A new lead that the partner holds and has accepted."""
        await self.rules({"direct": partner})
        lead = await self.capture(**fields)
        await self.routed(lead, "assigned")
        await self.ask("POST", f"/router/v1/leads/{lead}/accept", partner=partner)
        await self.settled()
        return lead

    async def settled(self) -> None:
        """Wait until all have heard what was said: a service answers before the others know."""
        await settled(self.deployment)


@contextlib.asynccontextmanager
async def standing(postgres_url: str) -> AsyncGenerator[Standing]:
    """Start all services on an empty database; every lead qualifies, and there is a source for native leads."""
    async with scratch_database(postgres_url, f"standing_{secrets.token_hex(6)}") as database:
        settings = Settings(database_url=database, deployment_key=secrets.token_hex(32), partitions=4)
        async with deployment(settings, services(), base_url=BASE) as running:
            transport = httpx.ASGITransport(app=running.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
                world = Standing(dict.fromkeys(service_names(), BASE), running.key, database, None, client)
                world.deployment = running
                await world.ask("PUT", "/scoring/v1/model", MODEL)
                world.source = await world.ask("POST", "/ingest/v1/sources", {"name": "Site", "kind": "native"})
                yield world

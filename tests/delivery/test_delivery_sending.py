"""Delivery on a real PostgreSQL, with receivers that answer as receivers do."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest_asyncio
from aiohttp import web
from standardwebhooks import Webhook

from leadway.delivery.app import SERVICE, build_with
from leadway.delivery.policy import Retries
from leadway.delivery.settings import Limits, read_settings
from leadway.eventlog import EventLog, NewRecord, Partition, partition_of
from leadway.facts import LEAD_EVENTS, Envelope, Fact, ingest, router
from leadway.facts.codec import encode_data, encode_headers
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import Company, Touch
from leadway.hosting import Deployment, Settings, deployment, rebuild
from leadway.stage import Built, ServiceHost, StageRuntime
from leadway.testing.serving import eventually
from leadway.web import Role, issue_token

QUICK = Retries(message_delays=(0.05, 0.05), pause_delays=(0.05, 0.1, 0.3), paused_after_seconds=0.0)


@dataclass
class Receiver:
    """A partner's system. `answers` maps a path to the statuses that it gives in turn; the last one stays."""

    url: str = ""
    answers: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    got: dict[str, list[tuple[dict[str, str], bytes]]] = field(default_factory=dict[str, Any])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.setdefault(request.path, []).append((headers, body))
        if request.path == "/slow":
            await self.gate.wait()
        turn = self.answers.get(request.path, [204])
        status = turn.pop(0) if len(turn) > 1 else turn[0]
        return web.Response(status=status, headers=self.headers)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.got.get(path, [])]

    def types(self, path: str) -> list[str]:
        return [body["type"] for body in self.bodies(path)]


@dataclass
class Street:
    deployed: Deployment
    receiver: Receiver
    client: httpx.AsyncClient
    sequences: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    said: int = 0

    @property
    def log(self) -> EventLog:
        return self.deployed.log

    def token(self, partner_id: str | None = None) -> dict[str, str]:
        role: Role = "admin" if partner_id is None else "partner"
        token = issue_token(
            self.deployed.key,
            subject="me",
            role=role,
            partner_id=partner_id,
            ttl=timedelta(hours=1),
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}

    async def endpoint(self, path: str, *types: str, partner_id: str | None = None) -> dict[str, Any]:
        response = await self.client.post(
            "/delivery/v1/endpoints",
            json={"url": self.receiver.url + path, "types": list(types) or ["*"]},
            headers=self.token(partner_id),
        )
        assert response.status_code == 201, response.text
        return response.json()

    async def say(self, *facts: Fact) -> None:
        """Put facts on the log as their services would."""
        for fact in facts:
            lead_id: str = getattr(fact, "lead_id")  # noqa: B009 every lead fact has one
            number = partition_of(lead_id.encode(), self.log.partitions)
            at = self.sequences[fact.source, number] = self.sequences.get((fact.source, number), 0) + 1
            self.said += 1
            envelope = Envelope(
                id=f"fact_{self.said}",
                type=fact.wire,
                source=fact.source,
                subject=lead_id,
                time=datetime.now(UTC),
                sequence=at,
                cause="request",
                correlation="request",
                actor="service:test",
                data=fact,
            )
            record = NewRecord(lead_id.encode(), encode_data(fact), encode_headers(envelope))
            producer = await self.log.producer(fact.source)
            await producer.append(Partition(LEAD_EVENTS, number), [record])
            await producer.close()

    async def comes_to(self, path: str, status: str) -> None:
        async def there() -> bool:
            return (await self.get(path))["status"] == status

        await eventually(there)

    async def deliveries(self, endpoint_id: str, *statuses: str) -> list[tuple[str, str, int]]:
        """Type, status and attempts of an endpoint's messages, newest fact first, once these are their statuses."""

        async def look() -> list[tuple[str, str, int]] | None:
            page = await self.get(f"/delivery/v1/endpoints/{endpoint_id}/deliveries")
            found = [(one["type"], one["status"], one["attempts"]) for one in page["data"]]
            return found if tuple(each[1] for each in found) == statuses else None

        return await eventually(look)

    async def get(self, path: str, partner_id: str | None = None) -> Any:
        response = await self.client.get(path, headers=self.token(partner_id))
        assert response.status_code == 200, response.text
        return response.json()


@pytest_asyncio.fixture
async def street(database: str, tmp_path: Path) -> AsyncGenerator[Street]:
    async with AsyncExitStack() as stack:
        receiver = Receiver()
        app = web.Application()
        app.router.add_post("/{tail:.*}", receiver.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        stack.callback(receiver.gate.set)
        settings = dataclasses.replace(
            read_settings({}), retries=QUICK, limits=Limits(poll_seconds=0.05, housekeeping_seconds=0.1)
        )

        def build(host: ServiceHost, runtime: StageRuntime) -> Built:
            return build_with(host, runtime, settings)

        service = dataclasses.replace(SERVICE, build=build)
        deployed = await stack.enter_async_context(
            deployment(Settings(data_dir=tmp_path, database_url=database, partitions=2), [service])
        )
        transport = httpx.ASGITransport(app=deployed.app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
        yield Street(deployed, receiver, client)


async def until(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.01)


def captured(lead_id: str = "lead_1") -> ingest.LeadCaptured:
    return ingest.LeadCaptured(
        lead_id=lead_id,
        person_id="per_1",
        source_id="src_1",
        company=Company(name="Acme", country="DE"),
        touch=Touch(kind="form.submitted", occurred_at=datetime.now(UTC)),
        personal=seal(SubmissionDetails(person=Person(email="ada@example.com"))),
    )


def assigned(partner_id: str, assignment_id: str, lead_id: str = "lead_1") -> router.LeadAssigned:
    return router.LeadAssigned(
        lead_id=lead_id,
        assignment_id=assignment_id,
        partner_id=partner_id,
        tier="gold",
        method="round_robin",
        partner_version=1,
        decision=router.Decision(asked="qualified"),
    )


def reclaimed(partner_id: str, assignment_id: str) -> router.LeadReclaimed:
    return router.LeadReclaimed(
        lead_id="lead_1",
        assignment_id=assignment_id,
        partner_id=partner_id,
        clock="accept",
        due_at=datetime.now(UTC),
        breach="fact_9",
    )


async def test_the_holder_gets_a_signed_message_with_the_person(street: Street) -> None:
    made = await street.endpoint("/hook", "lead.assigned", partner_id="ptr_1")
    await street.say(captured(), assigned("ptr_1", "asg_1"))
    await until(lambda: street.receiver.got.get("/hook"))
    headers, raw = street.receiver.got["/hook"][0]
    body: Any = Webhook(made["secret"]).verify(raw, headers)
    assert body["type"] == "lead.assigned"
    assert body["data"]["current"] is True
    assert body["data"]["lead"]["person"]["email"] == "ada@example.com"
    assert body["data"]["assignment"]["partner_id"] == "ptr_1"


async def test_whoever_lost_the_lead_sees_no_person_and_no_successor(street: Street) -> None:
    await street.endpoint("/old", partner_id="ptr_1")
    street.receiver.answers["/old"] = [503, 503, 204]
    await street.say(captured(), assigned("ptr_1", "asg_1"))
    await until(lambda: street.receiver.got.get("/old"))
    await street.say(reclaimed("ptr_1", "asg_1"), assigned("ptr_2", "asg_2"))
    await until(lambda: "lead.reclaimed" in street.receiver.types("/old"))
    for body in street.receiver.bodies("/old")[-1:]:
        assert body["data"]["current"] is False
        assert body["data"]["lead"]["person"] is None
        assert body["data"]["lead"]["state"] == "ended"
        assert "ptr_2" not in str(body)
    assert set(street.receiver.types("/old")) == {"lead.assigned", "lead.reclaimed"}


async def test_messages_of_a_lead_come_in_log_order_and_keep_their_id_over_retries(street: Street) -> None:
    await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [500, 400, 204]
    await street.say(captured(), assigned("ptr_1", "asg_1"), reclaimed("ptr_1", "asg_1"))
    await until(lambda: "lead.reclaimed" in street.receiver.types("/hook"))
    assert street.receiver.types("/hook") == ["lead.captured"] * 3 + ["lead.assigned", "lead.reclaimed"]
    ids = [headers["webhook-id"] for headers, _ in street.receiver.got["/hook"]]
    assert len(set(ids)) == 3
    assert len(set(ids[:3])) == 1


async def test_a_refused_message_is_given_up_and_the_lead_goes_on(street: Street) -> None:
    made = await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [400, 302, 404, 204]
    await street.say(captured(), assigned("ptr_1", "asg_1"))
    await until(lambda: "lead.assigned" in street.receiver.types("/hook"))
    assert street.receiver.types("/hook").count("lead.captured") == 3
    found = await street.deliveries(made["id"], "delivered", "failed")
    assert found == [("lead.assigned", "delivered", 1), ("lead.captured", "failed", 3)]


async def test_a_failing_endpoint_is_paused_loses_nothing_and_goes_on(street: Street) -> None:
    made = await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [500]
    await street.say(captured(), captured("lead_2"))
    path = f"/delivery/v1/endpoints/{made['id']}"
    await street.comes_to(path, "paused")
    await street.say(assigned("ptr_1", "asg_1"))
    street.receiver.answers["/hook"] = [204]
    await until(lambda: "lead.assigned" in street.receiver.types("/hook"))
    await street.comes_to(path, "active")


async def test_an_endpoint_that_is_gone_is_disabled(street: Street) -> None:
    made = await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [410]
    await street.say(captured())
    path = f"/delivery/v1/endpoints/{made['id']}"
    await street.comes_to(path, "disabled")
    await street.say(captured("lead_2"))
    await asyncio.sleep(0.3)
    assert len(street.receiver.got["/hook"]) == 1


async def test_a_slow_endpoint_does_not_slow_the_others(street: Street) -> None:
    await street.endpoint("/slow")
    await street.endpoint("/hook")
    await street.say(*[captured(f"lead_{number}") for number in range(40)])
    await until(lambda: len(street.receiver.got.get("/hook", [])) == 40)
    assert len(street.receiver.got["/slow"]) <= 8


async def test_a_replay_tells_again_under_the_same_ids(street: Street) -> None:
    made = await street.endpoint("/hook", partner_id="ptr_1")
    began = datetime.now(UTC) - timedelta(minutes=1)
    await street.say(captured(), assigned("ptr_1", "asg_1"))
    await street.deliveries(made["id"], "delivered")
    response = await street.client.post(
        f"/delivery/v1/endpoints/{made['id']}/replay",
        json={"since": began.isoformat()},
        headers=street.token("ptr_1") | {"Idempotency-Key": "again"},
    )
    assert response.json() == {"leads": 1, "has_more": False, "starting_after": None}
    await until(lambda: len(street.receiver.got["/hook"]) == 2)
    (first, _), (second, raw) = street.receiver.got["/hook"]
    assert first["webhook-id"] == second["webhook-id"]
    assert msgspec.json.decode(raw)["data"]["replay"] is True


async def test_a_partners_replay_knows_of_its_own_leads_only(street: Street) -> None:
    ended = await street.endpoint("/ended", "lead.reclaimed", partner_id="ptr_1")
    admins = await street.endpoint("/all", "lead.reclaimed")
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    pooled = router.LeadPooled(
        lead_id="lead_3",
        pooling_id="pool_1",
        eligible=("ptr_1", "ptr_3"),
        step_index=0,
        decision=router.Decision(asked="qualified"),
    )
    await street.say(
        *[captured(f"lead_{number}") for number in (2, 3, 4)], pooled, assigned("ptr_2", "asg_2", "lead_2")
    )
    await street.say(assigned("ptr_1", "asg_1"), reclaimed("ptr_1", "asg_1"), assigned("ptr_2", "asg_3"))

    async def told(endpoint: dict[str, Any], partner_id: str | None = None, **more: str) -> Any:
        path = f"/delivery/v1/endpoints/{endpoint['id']}/replay"
        answer = await street.client.post(path, json={"since": since, **more}, headers=street.token(partner_id))
        assert answer.status_code == 202, answer.text
        return answer.json()["leads"]

    async def read() -> bool:
        views = "SELECT (SELECT count(*) FROM active_leads) AS leads, (SELECT count(*) FROM told_leads) AS told"
        (row,) = await street.deployed.running["delivery"].runtime.query(views)
        return (row["leads"], row["told"]) == (4, 5)

    await eventually(read)
    assert await told(ended, "ptr_1") == 2, "the lead that it lost, and the one that it may claim"
    assert await told(ended, "ptr_1", starting_after="lead_1") == 1
    assert await told(admins) == 4
    hers = await street.endpoint("/hers", partner_id="ptr_3")
    assert await told(hers, "ptr_3") == 1
    assert await told(await street.endpoint("/none", partner_id="ptr_4"), "ptr_4") == 0


async def test_a_test_message_says_what_came_of_it(street: Street) -> None:
    made = await street.endpoint("/hook")
    response = await street.client.post(f"/delivery/v1/endpoints/{made['id']}/test", headers=street.token())
    assert response.json()["delivered"] is True
    assert street.receiver.types("/hook") == ["endpoint.test"]


async def test_a_secret_is_shown_once_and_again_to_a_retry_of_the_same_request(street: Street) -> None:
    headers = street.token() | {"Idempotency-Key": "once"}
    body = {"url": f"{street.receiver.url}/hook", "types": ["lead.assigned"]}
    first = await street.client.post("/delivery/v1/endpoints", json=body, headers=headers)
    again = await street.client.post("/delivery/v1/endpoints", json=body, headers=headers)
    assert first.json() == again.json()
    assert first.json()["secret"].startswith("whsec_")
    shown = await street.client.get(first.headers["Location"], headers=street.token())
    assert shown.json().get("secret") is None
    rows = await street.deployed.running["delivery"].runtime.query("SELECT answer FROM idempotency")
    assert all(b"whsec_" not in row["answer"] for row in rows)


async def test_edits_are_versioned_and_each_partner_has_its_own(street: Street) -> None:
    made = await street.endpoint("/hook", partner_id="ptr_1")
    path = f"/delivery/v1/endpoints/{made['id']}"
    hidden = await street.client.get(path, headers=street.token("ptr_2"))
    assert hidden.status_code == 404
    assert (await street.get("/delivery/v1/endpoints", "ptr_2"))["data"] == []
    patched = await street.client.patch(
        path, json={"types": ["lead.pooled"]}, headers=street.token("ptr_1") | {"If-Match": '"1"'}
    )
    assert (patched.status_code, patched.headers["ETag"]) == (200, '"2"')
    stale = await street.client.patch(path, json={"types": ["*"]}, headers=street.token("ptr_1") | {"If-Match": '"1"'})
    assert stale.status_code == 412
    rotated = await street.client.patch(path, json={"rotate_secret": True}, headers=street.token("ptr_1"))
    assert rotated.json()["secret"] != made["secret"]
    gone = await street.client.delete(path, headers=street.token("ptr_1"))
    assert gone.status_code == 204
    assert (await street.client.get(path, headers=street.token("ptr_1"))).status_code == 404


async def test_what_is_wrong_with_an_endpoint_is_named_at_once(street: Street) -> None:
    response = await street.client.post(
        "/delivery/v1/endpoints",
        json={"url": "https://10.0.0.1/hook", "types": ["lead.assigned.v1", "notification.due", "lead.pooled"]},
        headers=street.token(),
    )
    assert response.status_code == 422
    pointers = [fault["pointer"] for fault in response.json()["errors"]]
    assert pointers == ["#/types/0", "#/types/1", "#/url"]
    other = await street.client.post(
        "/delivery/v1/endpoints",
        json={"url": f"{street.receiver.url}/x", "types": ["*"], "partner_id": "ptr_2"},
        headers=street.token("ptr_1"),
    )
    assert other.status_code == 403


async def test_what_waits_for_a_deleted_endpoint_is_given_up(street: Street) -> None:
    made = await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [500]
    await street.say(captured())
    await until(lambda: street.receiver.got.get("/hook"))
    await street.client.delete(f"/delivery/v1/endpoints/{made['id']}", headers=street.token())
    runtime = street.deployed.running["delivery"].runtime

    async def nothing_pending() -> bool:
        return not await runtime.query("SELECT 1 FROM pending")

    await eventually(nothing_pending)
    rows = await runtime.query("SELECT reason FROM finished")
    assert [row["reason"] for row in rows] == ["endpoint-deleted"]


async def test_two_instances_share_the_work_and_tell_each_fact_once(street: Street, tmp_path: Path) -> None:
    await street.endpoint("/hook")
    settings = street.deployed.settings
    async with deployment(settings, [street.deployed.running["delivery"].service]):
        leads = [f"lead_{number}" for number in range(30)]
        await street.say(*[captured(lead_id) for lead_id in leads])
        await street.say(*[assigned("ptr_1", f"asg_{lead_id}", lead_id) for lead_id in leads])
        await until(lambda: len(street.receiver.got.get("/hook", [])) >= 60)
        await asyncio.sleep(0.3)
    told = [(body["data"]["lead"]["id"], body["type"]) for body in street.receiver.bodies("/hook")]
    assert len(told) == len(set(told)) == 60
    for lead_id in leads:
        assert told.index((lead_id, "lead.captured")) < told.index((lead_id, "lead.assigned"))


async def test_a_rebuild_from_the_log_gives_the_same(street: Street) -> None:
    await street.endpoint("/hook")
    street.receiver.answers["/hook"] = [400, 400, 400, 204]
    await street.say(captured(), assigned("ptr_1", "asg_1"), captured("lead_2"), reclaimed("ptr_1", "asg_1"))
    await until(lambda: "lead.reclaimed" in street.receiver.types("/hook"))
    await asyncio.sleep(0.3)
    assert street.deployed.settings.database_url is not None
    rebuilt = await rebuild(street.deployed.settings.database_url, street.log, SERVICE)
    assert rebuilt.same, rebuilt.differences()

"""kill -9 of delivery between a webhook's answer and its record: sent again under the same id, recorded once."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from leadway.delivery.app import SERVICE, build_with
from leadway.delivery.settings import Limits, read_settings
from leadway.facts import ingest
from leadway.facts.personal import SubmissionDetails, seal
from leadway.facts.terms import Company, Touch
from leadway.hosting import Settings, deployment
from leadway.stage import Built, ServiceHost, StageRuntime
from leadway.testing.serving import Served, eventually, serving

POINT = "delivery.between_sending_and_recording"
QUICK = dataclasses.replace(read_settings({}), limits=Limits(lease_seconds=1.0, poll_seconds=0.1))


def without_worker(host: ServiceHost, runtime: StageRuntime) -> Built:
    """Delivery that takes facts in and answers questions; whoever sends is another process."""
    return Built(app=build_with(host, runtime, QUICK).app)


@asynccontextmanager
async def receiver(got: list[str]) -> AsyncGenerator[str]:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        got.append(request.headers["webhook-id"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def worker(served: Served, crash: str | None = None) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Delivery with its worker, in a process of its own."""
    settings = served.deployment.settings
    said = {"database_url": settings.database_url, "deployment_key": served.deployment.key.hex()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        json.dumps(said),
        stdin=asyncio.subprocess.PIPE,
        env=os.environ | ({"LEADWAY_CRASH": crash} if crash else {}),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_message_that_was_answered_and_not_recorded_goes_again_and_is_recorded_once(database: str) -> None:
    got: list[str] = []
    service = dataclasses.replace(SERVICE, build=without_worker)
    async with receiver(got) as url, serving(service, database) as served:
        asked = {"url": url, "types": ["lead.captured"]}
        made = await served.client.post("/delivery/v1/endpoints", json=asked, headers=served.bearer("admin"))
        assert made.status_code == 201, made.text
        async with worker(served, crash=POINT) as doomed:
            await served.tell("lead_1", captured())
            async with asyncio.timeout(60):
                assert await doomed.wait() == -signal.SIGKILL
        assert len(got) == 1
        async with worker(served):

            async def recorded() -> bool:
                return len(await served.facts("lead_1")) > 1

            await eventually(recorded, seconds_max=60)
        facts = await served.facts("lead_1")
    assert [fact.type for fact in facts] == ["notification.due.v1", "notification.delivered.v1"]
    assert len(got) == 2, "the second attempt was made because nobody knew of the first"
    assert len(set(got)) == 1, "by its id the receiver tells that it is the same"


def captured() -> ingest.LeadCaptured:
    return ingest.LeadCaptured(
        lead_id="lead_1",
        person_id="per_1",
        source_id="src_1",
        company=Company(name="Acme", country="DE"),
        touch=Touch(kind="form.submitted", occurred_at=datetime.now(UTC)),
        personal=seal(SubmissionDetails()),
    )


async def _work(said: dict[str, str]) -> None:
    def build(host: ServiceHost, runtime: StageRuntime) -> Built:
        return build_with(host, runtime, QUICK)

    settings = Settings(partitions=4, database_url=said["database_url"], deployment_key=said["deployment_key"])
    async with deployment(settings, [dataclasses.replace(SERVICE, build=build)], base_url="http://leadway.test"):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_work(json.loads(sys.argv[1])))

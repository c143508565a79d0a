"""More submissions at once than are promised room: each is captured or told when to come again, and none is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from leadway.eventlog import Partition
from leadway.facts import LEAD_EVENTS
from leadway.facts.codec import decode
from leadway.facts.ingest import LeadCaptured
from leadway.ingest.app import SERVICE
from leadway.stage.runtime import GateLimits, RuntimeLimits
from leadway.testing.serving import Served, eventually, serving

SMALL = RuntimeLimits(gate=GateLimits(queue_max=8, batch_max=4))
AT_ONCE = 300


async def captured(ingest: Served) -> list[str]:
    """The leads on the log, as often as they are there."""
    log = ingest.deployment.log
    found: list[str] = []
    for number in range(log.partitions):
        async for records in log.read(Partition(LEAD_EVENTS, number), 0):
            envelopes = (decode(dict(record.headers), record.value or b"") for record in records)
            found += [each.subject for each in envelopes if isinstance(each.data, LeadCaptured)]
    return found


async def test_what_finds_no_room_is_503_with_retry_after_and_what_was_accepted_arrives(database: str) -> None:
    async with serving(SERVICE, database, limits=SMALL) as ingest:
        made = await ingest.client.post(
            "/ingest/v1/sources", json={"name": "Site", "kind": "native"}, headers=ingest.bearer("admin")
        )
        source = made.json()
        path, key = f"/ingest/v1/sources/{source['id']}/leads", {"X-Leadway-Key": source["key"]}

        async def submit(number: int) -> httpx.Response:
            lead = {"person": {"email": f"ada@klinika-{number}.example"}, "submission_id": f"form-{number}"}
            return await ingest.client.post(path, json=lead, headers=key)

        answers = await asyncio.gather(*map(submit, range(AT_ONCE)))
        assert Counter(each.status_code for each in answers).keys() == {202, 503}
        refused = [number for number, each in enumerate(answers) if each.status_code == 503]
        for number in refused:
            problem: dict[str, Any] = answers[number].json()
            assert problem["type"] == "/problems/overloaded"
            assert answers[number].headers["content-type"] == "application/problem+json"
            assert int(answers[number].headers["Retry-After"]) >= 1
        accepted = {each.json()["lead_id"] for each in answers if each.status_code == 202}

        async def all_arrived() -> bool:
            return len(await captured(ingest)) >= len(accepted)

        await eventually(all_arrived, seconds_max=60)
        assert sorted(await captured(ingest)) == sorted(accepted), "each once, and nothing that was refused"

        for number in refused:
            again = await submit(number)
            assert (again.status_code, again.json()["outcome"]) == (202, "captured")

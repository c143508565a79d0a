"""A rebuild that takes the place of the live tables, carried through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from leadway.eventlog import EventLog, Partition, open_log
from leadway.facts.ingest import LeadCaptured
from leadway.facts.personal import SubmissionDetails, seal
from leadway.facts.terms import Company, Touch
from leadway.hosting import Rebuilt, StillRunning, rebuild, services
from leadway.ids import draw
from leadway.testing.serving import Served, serving

(SCORING,) = services(["scoring"])
MODEL = {
    "engagement": [{"when": {"touch": ["form.submitted"]}, "points": 30, "half_life": "P30D", "label": "form"}],
    "qualify": [{"when": {"score": {"min": 10}}, "label": "warm"}],
}


async def captured(served: Served, lead: str) -> None:
    touch = Touch(kind="form.submitted", occurred_at=datetime.now(UTC))
    fact = LeadCaptured(
        lead_id=lead,
        person_id="per_1",
        source_id="src_1",
        company=Company(country="DE"),
        touch=touch,
        personal=seal(SubmissionDetails()),
    )
    await served.tell(lead, fact)


async def some_work(served: Served) -> list[str]:
    put = await served.client.put("/scoring/v1/model", json=MODEL, headers=served.bearer("admin"))
    assert put.status_code == 200, put.text
    leads = [draw("lead") for _ in range(5)]
    for lead in leads:
        await captured(served, lead)
        await served.said(lead, "lead.scored", "lead.qualified")
    return leads


class Meanwhile:
    """The log, to whose reader something happens just before it reads."""

    def __init__(self, log: EventLog, happens: Callable[[], Awaitable[object]]) -> None:
        self._log = log
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def heads(self) -> Mapping[Partition, int]:
        await self._happens()
        return await self._log.heads()


async def nothing() -> None:
    pass


async def swapped(database: str, meanwhile: Callable[[], Awaitable[object]] = nothing) -> Rebuilt:
    log = open_log(database_url=database, partitions=4)
    await log.start()
    try:
        return await rebuild(database, cast("EventLog", Meanwhile(log, meanwhile)), SCORING, swap=True)
    finally:
        await log.close()


async def test_what_was_damaged_is_right_again_and_the_service_goes_on(database: str) -> None:
    async with serving(SCORING, database) as served:
        leads = await some_work(served)
        runtime = served.deployment.running["scoring"].runtime
        before = [await runtime.lead(lead) for lead in leads]
        await runtime.keep("UPDATE subjects SET state = NULL WHERE subject = :lead", lead=leads[0])
        await runtime.keep("DELETE FROM catalogs")
        with pytest.raises(StillRunning, match="scoring runs as"):
            await swapped(database)
    rebuilt = await swapped(database)
    assert {"subjects", "catalogs"} <= set(rebuilt.differences())
    assert (await swapped(database)).same, "what is in place now is what the log says"
    async with serving(SCORING, database) as again:
        runtime = again.deployment.running["scoring"].runtime
        assert [await runtime.lead(lead) for lead in leads] == before
        read = await again.client.get("/scoring/v1/model", headers=again.bearer("admin"))
        assert read.json()["qualify"] == MODEL["qualify"]
        assert await runtime.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE '%rebuild'") == []
        put = {**MODEL, "qualify": [{"when": {"score": {"min": 20}}, "label": "hot"}]}
        changed = await again.client.put("/scoring/v1/model", json=put, headers=again.bearer("admin"))
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"'), "it goes on where it was"


async def test_work_that_was_done_meanwhile_is_noticed_and_nothing_is_swapped(database: str) -> None:
    async with serving(SCORING, database) as served:
        await some_work(served)

    async def works() -> None:
        async with serving(SCORING, database) as again:
            put = {**MODEL, "qualify": []}
            await again.client.put("/scoring/v1/model", json=put, headers=again.bearer("admin"))

    with pytest.raises(StillRunning, match="worked while"):
        await swapped(database, works)
    assert (await swapped(database)).same


async def test_a_view_of_an_older_release_is_made_anew(database: str) -> None:
    (dealreg,) = services(["dealreg"])
    async with serving(dealreg, database) as served:
        runtime = served.deployment.running["dealreg"].runtime
        await runtime.keep("ALTER TABLE deals DROP COLUMN lead_open")
    with pytest.raises(ValueError, match="deals has other columns; run `leadway rebuild dealreg --swap`"):
        async with serving(dealreg, database):
            pass
    log = open_log(database_url=database, partitions=4)
    await log.start()
    try:
        await rebuild(database, log, dealreg, swap=True)
    finally:
        await log.close()
    async with serving(dealreg, database) as again:
        listed = await again.client.get("/dealreg/v1/deals", headers=again.bearer("admin"))
        assert listed.json() == {"data": [], "has_more": False}

"""The router's lists over HTTP: whole pages, in few statements."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from leadway.facts.ingest import LeadCaptured
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.scoring import LeadQualified
from leadway.facts.terms import Company, Consent, Touch
from leadway.ids import draw
from leadway.router.app import SERVICE
from leadway.testing.serving import Served, eventually, serving

TANK = {
    "rules": [{"name": "tank", "then": [{"pool": {"method": "shark_tank"}}]}],
    "otherwise": {"retain": {"queue": "q"}},
}


@pytest_asyncio.fixture
async def router(database: str) -> AsyncGenerator[Served]:
    async with serving(SERVICE, database) as served:
        yield served


async def post(router: Served, path: str, body: Any, method: str = "POST") -> Any:
    response = await router.client.request(method, path, json=body, headers=router.bearer("admin"))
    assert response.status_code in {200, 201}, response.text
    return response.json()


async def read(router: Served, path: str, partner: str) -> Any:
    response = await router.client.get(path, headers=router.bearer("partner", partner))
    assert response.status_code == 200, response.text
    return response.json()


def captured(lead: str, *consents: Consent) -> LeadCaptured:
    return LeadCaptured(
        lead_id=lead,
        person_id="per_1",
        source_id="src_1",
        company=Company(name="Acme"),
        touch=Touch(kind="form.submitted", occurred_at=datetime.now(UTC)),
        consent=consents,
        personal=seal(SubmissionDetails(person=Person(email="eve@acme.com"))),
    )


async def pooled(router: Served, count: int) -> tuple[str, list[str]]:
    """A partner, and so many leads that it may claim, the youngest first."""
    partner = (await post(router, "/router/v1/partners", {"name": "Shark", "tier": "gold"}))["id"]
    await post(router, "/router/v1/rules", TANK, "PUT")
    leads = [draw("lead") for _ in range(count)]
    for lead in leads:
        await router.tell(lead, captured(lead))
        await router.tell(lead, LeadQualified(lead_id=lead, score=70.0, model_version=1, label="hot"))

    async def all_there() -> bool:
        return len((await read(router, "/router/v1/pool", partner))["data"]) == count

    await eventually(all_there)
    return partner, sorted(leads, reverse=True)


@pytest.mark.parametrize("path", ["/router/v1/leads", "/router/v1/pool"])
async def test_a_page_is_read_at_once_however_long_it_is(router: Served, path: str) -> None:
    partner, leads = await pooled(router, 6)
    said: list[str] = []

    def saying(*arguments: Any) -> None:
        said.append(arguments[2])

    engine = router.deployment.running["router"].runtime.engine.sync_engine
    who = router.bearer("partner", partner) if path.endswith("pool") else router.bearer("admin")
    counts: list[int] = []
    for limit in (1, 6):
        said.clear()
        event.listen(engine, "before_cursor_execute", saying)
        response = await router.client.get(f"{path}?limit={limit}", headers=who)
        event.remove(engine, "before_cursor_execute", saying)
        assert [each["lead_id"] for each in response.json()["data"]] == leads[:limit]
        counts.append(sum("FROM subjects" in statement for statement in said))
    assert counts == [1, 1]


async def test_the_pool_goes_on_past_leads_that_may_not_be_passed_on(router: Served) -> None:
    partner, leads = await pooled(router, 5)
    refusing = leads[:2]
    for lead in refusing:
        await router.tell(lead, captured(lead, Consent(purpose="partner_sharing", granted=False)))

    async def hidden() -> bool:
        return len((await read(router, "/router/v1/pool", partner))["data"]) == 3

    await eventually(hidden)
    page = await read(router, "/router/v1/pool?limit=2", partner)
    assert ([each["lead_id"] for each in page["data"]], page["has_more"]) == (leads[2:4], True)
    rest = await read(router, f"/router/v1/pool?limit=2&starting_after={leads[3]}", partner)
    assert ([each["lead_id"] for each in rest["data"]], rest["has_more"]) == (leads[4:], False)

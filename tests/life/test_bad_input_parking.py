"""A fact that does not decode or breaks a rule waits with its lead's later facts; everything else goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from leadway.dealreg.app import SERVICE as DEALREG
from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts import Envelope, Fact
from leadway.facts.codec import _UPCASTERS, encode_data, encode_headers, upcaster
from leadway.facts.ingest import LeadCaptured, LeadTouched
from leadway.facts.personal import Person, Sealed, SubmissionDetails, seal
from leadway.facts.router import Decision, LeadAssigned, LeadRetained
from leadway.facts.scoring import LeadQualified
from leadway.facts.terms import Company, Touch
from leadway.hosting import rebuild
from leadway.ids import draw
from leadway.router.app import SERVICE as ROUTER
from leadway.stage.runtime import ParkingLot, StillParked
from leadway.testing.serving import Served, eventually, serving

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTE = {"kind": "note"}


@pytest_asyncio.fixture
async def dealreg(database: str) -> AsyncGenerator[Served]:
    async with serving(DEALREG, database) as served:
        yield served


@dataclass
class Beside:
    """The command line beside a running deployment."""

    served: Served
    data_dir: Path

    async def leadway(self, *words: str, expect: int = 0) -> str:
        settings = self.served.deployment.settings
        environment = os.environ | {
            "LEADWAY_DATABASE_URL": settings.database_url or "",
            "LEADWAY_PARTITIONS": str(settings.partitions),
            "LEADWAY_DATA_DIR": str(self.data_dir),
            "COLUMNS": "400",
        }
        program = Path(sys.executable).with_name("leadway")
        process = await asyncio.create_subprocess_exec(
            program, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == expect, said.decode()
        return said.decode()


@pytest.fixture
def beside(dealreg: Served, tmp_path: Path) -> Beside:
    return Beside(dealreg, tmp_path)


def captured(lead: str) -> LeadCaptured:
    return LeadCaptured(
        lead_id=lead,
        person_id="per_1",
        source_id="src_1",
        company=Company(name="Acme", domain="acme.com", country="DE"),
        touch=Touch(kind="form.submitted", occurred_at=NOW),
        personal=seal(SubmissionDetails(person=Person(email="eve@acme.com"))),
    )


def touched(lead: str, kind: str) -> LeadTouched:
    return LeadTouched(lead_id=lead, person_id="per_1", source_id="src_1", touch=Touch(kind=kind, occurred_at=NOW))


def assigned(lead: str) -> LeadAssigned:
    return LeadAssigned(
        lead_id=lead,
        assignment_id=f"asg_{lead}",
        partner_id="ptr_1",
        tier="gold",
        method="round_robin",
        partner_version=1,
        decision=Decision(asked="qualified"),
    )


def neighbours(partitions: int, count: int = 1) -> tuple[list[str], str]:
    """So many leads, and one more, all in one partition."""
    found: dict[int, list[str]] = {}
    while True:
        lead = draw("lead")
        leads = found.setdefault(partition_of(lead.encode(), partitions), [])
        leads.append(lead)
        if len(leads) > count:
            return leads[:-1], lead


async def tell_raw(
    served: Served, subject: str, fact: Fact, *, wire: str | None = None, data: bytes | None = None
) -> None:
    """Put a record on the log that its writer got wrong, or that a later release wrote."""
    log = served.deployment.log
    partition = Partition(fact.topic, partition_of(subject.encode(), log.partitions))
    served._sequences[fact.source, partition] += 1
    envelope = Envelope(
        id=draw("fact"),
        type=wire or fact.wire,
        source=fact.source,
        subject=subject,
        time=NOW,
        sequence=served._sequences[fact.source, partition],
        cause="test",
        correlation="test",
        actor="user:test",
        data=fact,
    )
    producer = await log.producer(fact.source)
    record = NewRecord(subject.encode(), encode_data(fact) if data is None else data, encode_headers(envelope))
    await producer.append(partition, [record])
    await producer.close()


async def parked(served: Served, count: int) -> Sequence[Any]:
    """The reasons of what waits, in the log's order, once so many do."""
    runtime = served.deployment.running[served.service.name].runtime

    async def look() -> Sequence[Any] | None:
        rows = await runtime.query(
            'SELECT subject, type, reason, topic, partition, "offset" FROM parked WHERE verdict IS NULL '
            'ORDER BY topic, partition, "offset"'
        )
        return [rows] if len(rows) == count else None

    return (await eventually(look))[0]


def lot_of(served: Served) -> ParkingLot:
    runtime = served.deployment.running[served.service.name].runtime
    return ParkingLot(runtime.engine, served.deployment.log, runtime.transactions)


async def log_note(served: Served, lead: str) -> Any:
    path = f"/dealreg/v1/leads/{lead}/activities"
    return await served.client.post(path, json=NOTE, headers=served.bearer("partner", "ptr_1"))


async def works_on(served: Served, lead: str) -> None:
    async def look() -> bool:
        return (await log_note(served, lead)).status_code == 201

    await eventually(look)


async def touches_of(served: Served, lead: str) -> list[str]:
    path = f"/dealreg/v1/leads/{lead}"
    read = await served.client.get(path, headers=served.bearer("admin"))
    return [touch["kind"] for touch in read.json()["touches"]]


async def same_after_rebuild(served: Served) -> None:
    runtime = served.deployment.running[served.service.name].runtime

    async def sent() -> bool:
        return (await runtime.query("SELECT count(*) AS n FROM outbox"))[0]["n"] == 0

    await eventually(sent)
    deployment = served.deployment
    rebuilt = await rebuild(deployment.settings.database_url or "", deployment.log, served.service)
    assert rebuilt.differences() == []


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"lead_id": 5}',
    b'{"lead_id": "\xff"}',
    b"[" * 100_000,
    b'{"lead_id": "\\ud800"}',
]


async def test_a_fact_that_does_not_decode_is_parked_and_the_partition_goes_on(dealreg: Served) -> None:
    broken, sound = neighbours(4, len(BROKEN))
    for lead, data in zip(broken, BROKEN, strict=True):
        await tell_raw(dealreg, lead, captured(lead), data=data)
        await dealreg.tell(lead, assigned(lead))
    await dealreg.tell(sound, captured(sound))
    await dealreg.tell(sound, assigned(sound))
    waiting = await parked(dealreg, 2 * len(BROKEN))
    for lead, (first, second) in zip(broken, zip(waiting[::2], waiting[1::2], strict=True), strict=True):
        assert (first["subject"], first["type"]) == (lead, "lead.captured.v1")
        assert first["reason"].startswith("lead.captured.v1: ")
        assert (second["subject"], second["type"]) == (lead, "lead.assigned.v1")
    await works_on(dealreg, sound)
    runtime = dealreg.deployment.running["dealreg"].runtime
    for lead in broken:
        answer = await log_note(dealreg, lead)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/lead-parked")
        assert int(answer.headers["retry-after"]) > 0
        assert await runtime.query("SELECT subject FROM known_leads WHERE subject = :lead", lead=lead) == []


async def test_what_is_parked_is_shown_with_why_and_given_up_or_released_in_order(
    dealreg: Served, beside: Beside
) -> None:
    broken = draw("lead")
    await dealreg.tell(broken, captured(broken))
    await tell_raw(dealreg, broken, touched(broken, "x"), data=b'{"lead_id": 5}')
    for kind in ("email.opened", "content.downloaded"):
        await dealreg.tell(broken, touched(broken, kind))
    await dealreg.tell(broken, assigned(broken))
    first, *_ = await parked(dealreg, 4)
    listed = await beside.leadway("parked", "list")
    assert "Expected `str`, got `int`" in listed, "it says why"
    assert "an earlier fact of this lead is parked" in listed
    assert broken in listed
    with pytest.raises(StillParked, match="Expected `str`"):
        await lot_of(dealreg).release(broken)
    assert len(await parked(dealreg, 4)) == 4
    place = f"{first['topic']}/{first['partition']}/{first['offset']}"
    assert place in listed
    given_up = await beside.leadway("parked", "drop", "dealreg", place)
    assert place in given_up
    await beside.leadway("parked", "release", broken)
    await parked(dealreg, 0)
    assert await touches_of(dealreg, broken) == ["form.submitted", "email.opened", "content.downloaded"]
    await works_on(dealreg, broken)
    await same_after_rebuild(dealreg)


async def test_a_fact_of_a_later_release_waits_for_it_and_is_then_taken_in_its_place(dealreg: Served) -> None:
    early = draw("lead")
    await dealreg.tell(early, captured(early))
    await tell_raw(dealreg, early, touched(early, "from.a.later.release"), wire="lead.touched.v9")
    await dealreg.tell(early, touched(early, "email.opened"))
    await dealreg.tell(early, assigned(early))
    first, *_ = await parked(dealreg, 3)
    assert (first["type"], "lead.touched.v9" in first["reason"]) == ("lead.touched.v9", True)
    upcaster("lead.touched.v9", "lead.touched.v1")(lambda data: data)  # the release that knows it
    try:
        assert await lot_of(dealreg).release(early) == 3
    finally:
        del _UPCASTERS["lead.touched.v9"]
    assert await touches_of(dealreg, early) == ["form.submitted", "from.a.later.release", "email.opened"]
    await works_on(dealreg, early)


async def test_a_fact_that_nobody_knows_is_passed_over(dealreg: Served) -> None:
    lead = draw("lead")
    await dealreg.tell(lead, captured(lead))
    await tell_raw(dealreg, lead, touched(lead, "x"), wire="party.thrown.v1")
    await dealreg.tell(lead, assigned(lead))
    await works_on(dealreg, lead)
    await parked(dealreg, 0)


async def test_a_fact_whose_personal_side_is_broken_harms_nobody(dealreg: Served) -> None:
    (lead,), sound = neighbours(4)
    broken = msgspec.structs.replace(captured(lead), personal=Sealed(data=b"\xff{"))
    await dealreg.tell(lead, broken)
    await dealreg.tell(lead, assigned(lead))
    await dealreg.tell(sound, captured(sound))
    await dealreg.tell(sound, assigned(sound))
    await works_on(dealreg, sound)
    await works_on(dealreg, lead)


def rules(when: dict[str, Any]) -> dict[str, Any]:
    then = [{"retain": {"queue": "large"}}]
    return {"rules": [{"name": "large", "when": when, "then": then}], "otherwise": {"retain": {"queue": "desk"}}}


async def test_a_fact_that_cannot_be_decided_on_waits_until_the_cause_is_gone(database: str) -> None:
    async with serving(ROUTER, database) as router:
        admin = router.bearer("admin")
        asking_the_form = rules({"fields.sites": ["40"]})
        put = await router.client.put("/router/v1/rules", json=asking_the_form, headers=admin)
        assert put.status_code == 200, put.text
        (lead,), sound = neighbours(4)
        await router.tell(lead, msgspec.structs.replace(captured(lead), personal=Sealed(data=b"\xff{")))
        await router.tell(sound, captured(sound))
        for each in (lead, sound):
            await router.tell(each, LeadQualified(lead_id=each, score=70.0, model_version=1, label="hot"))
        await router.tell(lead, touched(lead, "email.opened"))
        await router.said(sound, "lead.retained")
        waiting = await parked(router, 2)
        assert [each["type"] for each in waiting] == ["lead.qualified.v1", "lead.touched.v1"]
        assert "Error" in waiting[0]["reason"]
        assert await router.facts(lead) == []
        body = {"queue": "by-hand", "reason": "x"}
        answer = await router.client.post(f"/router/v1/leads/{lead}/retain", json=body, headers=admin)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/lead-parked")
        await router.client.put("/router/v1/rules", json=rules({"country": ["DE"]}), headers=admin)
        assert await lot_of(router).release(lead) == 2
        (fact,) = await router.said(lead, "lead.retained")
        assert isinstance(fact.data, LeadRetained)
        assert fact.data.queue == "large"
        answer = await router.client.post(f"/router/v1/leads/{lead}/retain", json=body, headers=admin)
        assert answer.status_code == 200, answer.text
        await same_after_rebuild(router)

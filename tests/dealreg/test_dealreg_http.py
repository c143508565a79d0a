"""Dealreg over HTTP, on a real PostgreSQL and the embedded log, with the facts of the other services on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio

from leadway.database import connect, migrate, role_of, schema_of
from leadway.dealreg.app import STAGE, build
from leadway.eventlog import EventLog, NewRecord, Partition, open_log, partition_of
from leadway.facts import Envelope, Fact
from leadway.facts.codec import encode_data, encode_headers
from leadway.facts.ingest import LeadCaptured
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.router import Decision, LeadAssigned, LeadRetained, LeadWithdrawn, PartnerChanged
from leadway.facts.sla_timer import SlaDue
from leadway.facts.terms import CampaignSaid, Company, Term, Touch
from leadway.ids import draw
from leadway.stage import ServiceHost
from leadway.stage.runtime import Runtime, RuntimeLimits, create_views, cut_of, fold_log, hashes, write
from leadway.web import TokenVerifier, issue_token

KEY = b"k" * 32
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
EUR = {"minor": 500_000, "currency": "EUR"}
ACME = {"name": "Acme GmbH", "domain": "www.acme.com", "country": "DE"}


@dataclass(frozen=True)
class Host:
    tokens: TokenVerifier = field(default_factory=lambda: TokenVerifier.for_key(KEY))


@dataclass
class Desk:
    """A running dealreg, the other services' pens, and the callers' tokens."""

    log: EventLog
    runtime: Runtime
    client: httpx.AsyncClient
    sequences: dict[tuple[str, Partition], int] = field(default_factory=dict[tuple[str, Partition], int])

    async def happened(self, subject: str, *facts: Fact) -> None:
        """Put other services' facts on the log."""
        for fact in facts:
            partition = Partition(fact.topic, partition_of(subject.encode(), self.log.partitions))
            sequence = self.sequences.get((fact.source, partition), 0) + 1
            self.sequences[fact.source, partition] = sequence
            envelope = Envelope(
                id=draw("fact"),
                type=fact.wire,
                source=fact.source,
                subject=subject,
                time=START,
                sequence=sequence,
                cause="test",
                correlation="test",
                actor="service:test",
                data=fact,
            )
            producer = await self.log.producer(fact.source)
            record = NewRecord(subject.encode(), encode_data(fact), encode_headers(envelope))
            await producer.append(partition, [record])
            await producer.close()

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, *, expect: int = 200, key: str | None = None
    ) -> Any:
        """Call a route as `ptr_…`, `admin` or `cam:name` (who sees only its own partners)."""
        role, _, name = who.partition(":")
        partner = who if who.startswith("ptr_") else None
        token = issue_token(
            KEY,
            role="partner" if partner else cast("Any", role),
            subject=name or who,
            partner_id=partner,
            scope="assigned" if name else "all",
        )
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        response = await self.client.request(method, f"/dealreg/v1{path}", headers=headers, json=body)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    async def logged(self, kind: str) -> list[dict[str, Any]]:
        """The data of dealreg's own facts of a kind on the log, as soon as there are any."""

        async def look() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for partition in await self.log.heads():
                async for records in self.log.read(partition, 0):
                    found += [
                        msgspec.json.decode(each.value or b"")
                        for each in records
                        if each.headers["ce_type"] == kind.encode()
                    ]
            return found

        return await eventually(look)


async def eventually(look: Callable[[], Awaitable[Any]], *, seconds: float = 10.0) -> Any:
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await look()):
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.02)
    return found


@pytest_asyncio.fixture
async def desk(database: str) -> AsyncGenerator[Desk]:
    async with AsyncExitStack() as stack:
        log = open_log(database_url=database, partitions=2)
        await log.start()
        stack.push_async_callback(log.close)
        await migrate(database, "dealreg", None)
        engine = connect(database, schema=schema_of("dealreg"), role=role_of("dealreg"), application_name="dealreg-1")
        stack.push_async_callback(engine.dispose)
        async with engine.begin() as connection:
            await create_views(connection, STAGE)
        runtime = Runtime(stage=STAGE, engine=engine, log=log, instance="dealreg-1", limits=RuntimeLimits())
        stack.push_async_callback(runtime.close)
        await runtime.start()
        built = build(cast("ServiceHost", Host()), runtime)
        transport = httpx.ASGITransport(app=built.app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://dealreg"))
        yield Desk(log, runtime, client)


def captured(lead: str, *, company: Company | None = None, product: str | None = "erp") -> LeadCaptured:
    return LeadCaptured(
        lead_id=lead,
        person_id="per_1",
        company_id="com_acme",
        source_id="src_1",
        company=company or Company(name="Acme", domain="acme.com", country="DE"),
        product=Term(product) if product else None,
        touch=Touch(kind="form.submitted", occurred_at=START, campaign=CampaignSaid("cmp_1")),
        personal=seal(SubmissionDetails(person=Person(email="eve@acme.com", first_name="Eve"))),
    )


def assigned(lead: str, partner: str, assignment: str, *, reveal: Any = "assigned") -> LeadAssigned:
    return LeadAssigned(
        lead_id=lead,
        assignment_id=assignment,
        partner_id=partner,
        tier="gold",
        method="round_robin",
        partner_version=1,
        reveal=reveal,
        decision=Decision(asked="qualified"),
    )


def withdrawn(lead: str, partner: str, assignment: str) -> LeadWithdrawn:
    return LeadWithdrawn(lead_id=lead, assignment_id=assignment, partner_id=partner, reason="assign")


async def test_a_lead_is_worked_on_until_its_deal_is_won_and_amended(desk: Desk) -> None:
    await desk.happened("lead_a", captured("lead_a"), assigned("lead_a", "ptr_a", "asg_1"))
    logged = await desk.ask("ptr_a", "POST", "/leads/lead_a/activities", {"kind": "call", "note": "hi"}, expect=201)
    assert (logged["assignment_id"], logged["attempt"], logged["note"]) == ("asg_1", True, "hi")
    assert (await desk.ask("ptr_a", "POST", "/leads/lead_a/stage", {"stage": "qualified"}))["stage"] == "qualified"
    unknown = await desk.ask("ptr_a", "POST", "/leads/lead_a/stage", {"stage": "sold"}, expect=422)
    assert unknown["type"] == "/problems/unknown-stage"
    assert unknown["errors"][0]["pointer"] == "#/stage"
    wanted = {"name": "ERP for all", "amount": EUR, "expected_close": "2026-06-01"}
    await desk.ask("ptr_a", "POST", "/leads/lead_a/opportunities", wanted, expect=201)
    deal = await desk.ask("ptr_a", "POST", "/leads/lead_a/deals", {}, expect=201)
    assert (deal["amount"], deal["campaign_id"], deal["company_id"]) == (EUR, "cmp_1", "com_acme")
    assert (deal["registration"], deal["outcome"], deal["name"]) == ("submitted", "open", "ERP for all")
    path = f"/deals/{deal['deal_id']}"
    approved = await desk.ask("admin", "POST", f"{path}/approve", {"protect_for": "P30D"})
    assert approved["registration"] == "approved"
    win = {"amount": {"minor": 450_000, "currency": "EUR"}, "closed_at": "2026-03-01T12:00:00+01:00"}
    first = await desk.ask("ptr_a", "POST", f"{path}/win", win, key="once")
    assert await desk.ask("ptr_a", "POST", f"{path}/win", win, key="once") == first
    again = await desk.ask("ptr_a", "POST", f"{path}/win", win, expect=409)
    assert again["type"] == "/problems/deal-already-won"
    change = {
        "amount": {"minor": 440_000, "currency": "EUR"},
        "reason": "rebate",
        "effective_at": "2026-04-01T00:00:00Z",
    }
    amended = await desk.ask("admin", "POST", f"{path}/amend", change)
    assert amended["booked"] == {"minor": 440_000, "currency": "EUR"}
    assert [each["outcome"] for each in await desk.logged("lead.closed.v1")] == ["won"]
    listed = await desk.ask("ptr_a", "GET", "/deals?outcome=won")
    assert [each["deal_id"] for each in listed["data"]] == [deal["deal_id"]]
    assert await same_after_rebuild(desk.runtime)


async def test_the_working_lead_shows_the_person_from_when_the_rule_reveals_it(desk: Desk) -> None:
    await desk.happened("lead_a", captured("lead_a"), assigned("lead_a", "ptr_a", "asg_1", reveal="accepted"))
    await desk.ask("ptr_a", "POST", "/leads/lead_a/activities", {"kind": "note"}, expect=201)
    lead = await desk.ask("ptr_a", "GET", "/leads/lead_a")
    assert lead["person"] is None
    assert (lead["company"]["name"], len(lead["touches"]), len(lead["activities"])) == ("Acme", 1, 1)
    assert (await desk.ask("admin", "GET", "/leads/lead_a"))["person"]["email"] == "eve@acme.com"
    await desk.ask("ptr_b", "GET", "/leads/lead_a", expect=404)


async def test_only_the_present_holder_works_on_a_lead(desk: Desk) -> None:
    await desk.happened("lead_a", captured("lead_a"), assigned("lead_a", "ptr_a", "asg_1"))
    await desk.happened("lead_a", withdrawn("lead_a", "ptr_a", "asg_1"), assigned("lead_a", "ptr_b", "asg_2"))
    note = {"kind": "note"}
    ended = await desk.ask("ptr_a", "POST", "/leads/lead_a/activities", note, expect=409)
    assert ended["type"] == "/problems/assignment-ended"
    await desk.ask("ptr_c", "POST", "/leads/lead_a/activities", note, expect=404)
    await desk.ask("admin", "POST", "/leads/lead_a/activities", note, expect=403)
    await desk.ask("ptr_b", "POST", "/leads/lead_a/activities", note | {"assignment_id": "asg_1"}, expect=409)
    await desk.ask("ptr_b", "POST", "/leads/lead_a/activities", note | {"assignment_id": "asg_2"}, expect=201)
    retained = LeadRetained(lead_id="lead_d", queue="review", decision=Decision(asked="qualified"))
    await desk.happened("lead_d", captured("lead_d"), retained)
    await desk.ask("admin", "POST", "/leads/lead_d/activities", note, expect=201)


async def test_a_manager_sees_only_partners_of_its_own(desk: Desk) -> None:
    partner = PartnerChanged(entity_id="ptr_a", version=1, name="A", tier="gold", cam="carla")
    await desk.happened("ptr_a", partner)
    await desk.happened("lead_a", captured("lead_a"), assigned("lead_a", "ptr_a", "asg_1"))
    deal = await desk.ask("ptr_a", "POST", "/leads/lead_a/deals", {"amount": EUR}, expect=201)
    path = f"/deals/{deal['deal_id']}"

    async def known() -> bool:
        return bool((await desk.ask("cam:carla", "GET", "/deals"))["data"])

    await eventually(known)
    assert (await desk.ask("cam:carl", "GET", "/deals"))["data"] == []
    await desk.ask("cam:carl", "GET", path, expect=404)
    await desk.ask("cam:carl", "POST", f"{path}/approve", {}, expect=404)
    await desk.ask("cam:carla", "POST", f"{path}/approve", {})


async def test_a_deal_that_a_partner_brings_collides_with_another_partners(desk: Desk) -> None:
    body = {"company": ACME, "name": "ERP", "amount": EUR, "product": "ERP"}
    first = await desk.ask("ptr_a", "POST", "/deals", body, expect=201)
    assert (first["registration"], first["linked"], first["origin"]) == ("submitted", False, "partner")
    named = body | {"company": {"name": "ACME", "country": "DE"}}
    second = await desk.ask("ptr_b", "POST", "/deals", named, expect=201)
    assert second["registration"] == "conflicted"
    assert "conflict" not in second
    seen = await desk.ask("admin", "GET", f"/deals/{second['deal_id']}")
    assert seen["conflict"] == {"deal_id": first["deal_id"], "lead_id": first["lead_id"], "partner_id": "ptr_a"}
    await desk.ask("ptr_b", "GET", f"/deals/{first['deal_id']}", expect=404)
    await desk.ask("admin", "POST", f"/deals/{first['deal_id']}/approve", {})
    protected = await desk.ask("admin", "POST", f"/deals/{second['deal_id']}/approve", {}, expect=409)
    assert protected["type"] == "/problems/company-protected"
    await desk.ask("admin", "POST", f"/deals/{first['deal_id']}/reject", {"reason": "not yours"})
    await desk.ask("admin", "POST", f"/deals/{second['deal_id']}/approve", {})
    other = body | {"product": "CRM"}
    assert (await desk.ask("ptr_c", "POST", "/deals", other, expect=201))["registration"] == "submitted"
    assert await same_after_rebuild(desk.runtime)


async def test_registrations_of_one_moment_meet_each_other(desk: Desk) -> None:
    body = {"company": ACME, "name": "ERP", "amount": EUR}
    made = await asyncio.gather(*(desk.ask(f"ptr_{n}", "POST", "/deals", body, expect=201) for n in "abcdef"))
    assert sorted(each["registration"] for each in made) == ["conflicted"] * 5 + ["submitted"]


async def test_a_deal_is_linked_to_the_partners_own_lead_and_collides_with_anothers(desk: Desk) -> None:
    await desk.happened("lead_a", captured("lead_a"), assigned("lead_a", "ptr_a", "asg_1"))
    await eventually(lambda: holds(desk, "lead_a"))
    body = {"company": ACME, "name": "ERP", "amount": EUR}
    theirs = await desk.ask("ptr_b", "POST", "/deals", body, expect=201)
    assert (theirs["registration"], theirs["linked"]) == ("conflicted", False)
    own = await desk.ask("ptr_a", "POST", "/deals", body, expect=201)
    assert (own["linked"], own["lead_id"], own["assignment_id"]) == (True, "lead_a", "asg_1")
    assert own["person_id"] == "per_1"
    again = await desk.ask("ptr_b", "POST", "/deals", body, expect=201)
    assert (again["linked"], again["lead_id"]) == (True, theirs["lead_id"])


async def test_every_deal_on_a_lead_that_a_partner_brought_comes_from_the_partner(desk: Desk) -> None:
    body = {"company": ACME, "name": "ERP", "amount": EUR}
    brought = await desk.ask("ptr_a", "POST", "/deals", body, expect=201)
    linked = await desk.ask("ptr_a", "POST", "/deals", body, expect=201)
    assert linked["linked"] is True
    path = f"/leads/{brought['lead_id']}"
    further = await desk.ask("ptr_a", "POST", f"{path}/deals", {"amount": EUR, "name": "More"}, expect=201)
    assert [deal["origin"] for deal in (brought, linked, further)] == ["partner"] * 3
    assert (await desk.ask("ptr_a", "GET", path))["origin"] == "partner"

    async def all_said() -> bool:
        return [each["origin"] for each in await desk.logged("deal.registered.v1")] == ["partner"] * 3

    await eventually(all_said)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z"])
async def test_an_instant_that_nothing_can_reckon_with_is_refused(desk: Desk, at: str) -> None:
    activity = {"kind": "call", "occurred_at": at}
    win = {"amount": EUR, "closed_at": at}
    amend = {"amount": EUR, "reason": "rebate", "effective_at": at}
    asked = {"/leads/lead_a/activities": activity, "/deals/deal_a/win": win, "/deals/deal_a/amend": amend}
    refused = [await desk.ask("admin", "POST", path, body, expect=422) for path, body in asked.items()]
    assert [pointers(each) for each in refused] == [{"#/occurred_at"}, {"#/closed_at"}, {"#/effective_at"}]


async def holds(desk: Desk, lead: str) -> bool:
    return bool(await desk.runtime.query("SELECT 1 FROM known_leads WHERE subject = :lead", lead=lead))


async def test_first_contact_is_answered_by_what_was_logged(desk: Desk) -> None:
    due_at = datetime.now(UTC) + timedelta(hours=1)
    for lead in ("lead_a", "lead_b"):
        await desk.happened(lead, captured(lead), assigned(lead, "ptr_a", f"asg_{lead}"))
    await desk.ask("ptr_a", "POST", "/leads/lead_a/activities", {"kind": "email"}, expect=201)
    for lead in ("lead_a", "lead_b"):
        due = SlaDue(
            lead_id=lead,
            clock="first_contact",
            assignment_id=f"asg_{lead}",
            policy="gold",
            policy_version=1,
            due_at=due_at,
        )
        await desk.happened(lead, due)
    assert [each["lead_id"] for each in await desk.logged("contact.missed.v1")] == ["lead_b"]


async def test_catalogs_are_edited_with_their_version(desk: Desk) -> None:
    assert (await desk.ask("cam", "GET", "/stages"))["stages"][0] == "new"
    put = await desk.ask("admin", "PUT", "/stages", {"stages": ["hello", "bye"]})
    assert put == {"stages": ["hello", "bye"], "version": 1}
    await desk.ask("admin", "PUT", "/stages", {"stages": ["hello", "hello"]}, expect=422)
    assert (await desk.ask("admin", "GET", "/protection"))["protect_for"] == "P90D"
    assert (await desk.ask("admin", "PUT", "/protection", {"protect_for": "P10D"}))["protect_for"] == "P10D"
    await desk.ask("ptr_a", "PUT", "/stages", {"stages": ["mine"]}, expect=403)


async def test_bad_bodies_are_refused_with_pointers(desk: Desk) -> None:
    bad = {"company": {"name": "!!", "country": "de"}, "name": "", "amount": {"minor": 1.5, "currency": "EUR"}, "x": 1}
    refused = await desk.ask("ptr_a", "POST", "/deals", bad, expect=422)
    assert {"#/name", "#/amount/minor", "#/x", "#/company/country"} <= pointers(refused)
    negative = {"company": ACME, "name": "ERP", "amount": {"minor": -5, "currency": "EUX"}}
    refused = await desk.ask("ptr_a", "POST", "/deals", negative, expect=422)
    assert pointers(refused) == {"#/amount/minor", "#/amount/currency"}
    await desk.ask("admin", "GET", "/deals/deal_none", expect=404)
    assert (await desk.ask("admin", "GET", "/deals"))["data"] == []


def pointers(problem: Any) -> set[str]:
    errors: Iterable[Any] = problem["errors"]
    return {each["pointer"] for each in errors}


async def same_after_rebuild(runtime: Runtime) -> bool:
    """Whether a fold of the log gives the state, mirror and shared rows that are there."""

    async def sent() -> bool:
        return (await runtime.query("SELECT count(*) AS n FROM outbox"))[0]["n"] == 0

    await eventually(sent)
    url = runtime.engine.url.render_as_string(hide_password=False)
    await migrate(url, "dealreg", None, schema="dealreg_beside")
    async with cut_of(runtime.engine, STAGE) as (_, cut):
        pass
    folded = await fold_log(STAGE, runtime.log, cut)
    beside = connect(url, schema="dealreg_beside", role=role_of("dealreg"))
    try:
        async with beside.connect() as connection, connection.begin():
            await create_views(connection, STAGE)
            await write(connection, STAGE, folded, cut)
            return await hashes(connection, STAGE) == cut.hashes
    finally:
        await beside.dispose()

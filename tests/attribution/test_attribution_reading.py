"""Attribution on a real PostgreSQL and log: the chain, revenue, and the stream of facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest_asyncio

from leadway.attribution.app import SERVICE
from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts import CatalogFact, Envelope, Fact, dealreg, ingest, router
from leadway.facts.codec import encode_data, encode_headers
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.terms import CampaignSaid, Company, Money, Origin, Touch
from leadway.hosting import Deployment, Settings, deployment, rebuild
from leadway.web import Role, issue_token

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
EUR = "EUR"


@dataclass
class Reading:
    deployed: Deployment
    client: httpx.AsyncClient
    sequences: dict[tuple[str, str, int], int] = field(default_factory=dict[tuple[str, str, int], int])
    said: int = 0

    async def say(self, *facts: Fact, days: int = 0, resend: bool = False) -> None:
        """Put facts on the log as their services would, and wait until attribution has read them."""
        log = self.deployed.log
        for fact in facts:
            subject = fact.entity_id if isinstance(fact, CatalogFact) else str(getattr(fact, "lead_id"))  # noqa: B009
            number = partition_of(subject.encode(), log.partitions)
            place = (fact.source, fact.topic, number)
            self.sequences[place] = self.sequences.get(place, 0) + (not resend)
            self.said += not resend
            envelope = Envelope(
                id=f"fact_{self.said}",
                type=fact.wire,
                source=fact.source,
                subject=subject,
                time=NOW + days * DAY,
                sequence=self.sequences[place],
                cause="request",
                correlation="request",
                actor="service:test",
                data=fact,
            )
            record = NewRecord(subject.encode(), encode_data(fact), encode_headers(envelope))
            producer = await log.producer(fact.source)
            await producer.append(Partition(fact.topic, number), [record])
            await producer.close()
        await self.caught_up()

    async def caught_up(self) -> None:
        runtime = self.deployed.running["attribution"].runtime
        heads = await self.deployed.log.heads()
        deadline = asyncio.get_running_loop().time() + 15
        while True:
            rows = await runtime.query("SELECT topic, partition, position FROM positions")
            read = {Partition(row["topic"], row["partition"]): row["position"] for row in rows}
            if all(read.get(partition, 0) >= head for partition, head in heads.items()):
                return
            assert asyncio.get_running_loop().time() < deadline, "attribution does not catch up"
            await asyncio.sleep(0.02)

    def token(self, role: Role, partner_id: str | None = None) -> dict[str, str]:
        issued = issue_token(self.deployed.key, role=role, subject="me", partner_id=partner_id, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {issued}"}

    async def get(self, path: str, role: Role = "analyst", partner_id: str | None = None, **query: str) -> Any:
        response = await self.client.get(f"/attribution/v1/{path}", params=query, headers=self.token(role, partner_id))
        assert response.status_code == 200, response.text
        return response.json()

    async def rows(self, **query: Any) -> dict[str | None, Any]:
        found = await self.get("revenue", **query)
        return {row["key"]: row for row in found["rows"]}

    async def facts(self, last: str | None = None, **query: str) -> list[dict[str, Any]]:
        headers = self.token("analyst") | ({"Last-Event-ID": last} if last else {})
        response = await self.client.get("/attribution/v1/facts", params=query, headers=headers)
        assert response.status_code == 200, response.text
        return [msgspec.json.decode(line) for line in response.text.splitlines() if line]


@pytest_asyncio.fixture
async def reading(database: str, tmp_path: Path) -> AsyncGenerator[Reading]:
    async with AsyncExitStack() as stack:
        settings = Settings(data_dir=tmp_path, database_url=database, partitions=2)
        deployed = await stack.enter_async_context(deployment(settings, [SERVICE]))
        transport = httpx.ASGITransport(app=deployed.app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
        yield Reading(deployed, client)


def captured(lead_id: str, said: str, origin: Origin = "vendor") -> ingest.LeadCaptured:
    return ingest.LeadCaptured(
        lead_id=lead_id,
        person_id="per_1",
        source_id="src_1",
        origin=origin,
        company=Company(country="DE"),
        touch=Touch(kind="form.submitted", occurred_at=NOW, campaign=CampaignSaid(said=(said,))),
        personal=seal(SubmissionDetails(person=Person(email="ada@example.com"))),
    )


def touched(lead_id: str, said: str, days: int) -> ingest.LeadTouched:
    touch = Touch(kind="event.attended", occurred_at=NOW + days * DAY, campaign=CampaignSaid(said=(said,)))
    return ingest.LeadTouched(lead_id=lead_id, person_id="per_1", source_id="src_2", touch=touch)


def claimed(lead_id: str, partner_id: str) -> router.LeadClaimed:
    return router.LeadClaimed(
        lead_id=lead_id,
        assignment_id=f"asg_{lead_id}",
        partner_id=partner_id,
        tier="gold",
        partner_version=1,
        pooling_id="pool_1",
    )


def opened(lead_id: str) -> dealreg.OpportunityOpened:
    return dealreg.OpportunityOpened(
        lead_id=lead_id,
        assignment_id=f"asg_{lead_id}",
        opportunity_id=f"opp_{lead_id}",
        amount=Money(90, EUR),
        expected_close=date(2026, 6, 1),
    )


def registered(lead_id: str, partner_id: str) -> dealreg.DealRegistered:
    return dealreg.DealRegistered(
        lead_id=lead_id,
        deal_id=f"deal_{lead_id}",
        partner_id=partner_id,
        opportunity_id=f"opp_{lead_id}",
        amount=Money(90, EUR),
    )


def won(lead_id: str, minor: int, days: int) -> dealreg.DealWon:
    return dealreg.DealWon(
        lead_id=lead_id, deal_id=f"deal_{lead_id}", amount=Money(minor, EUR), closed_at=NOW + days * DAY
    )


def campaign(number: int, *codes: str, tactic: str = "webinar", version: int = 1) -> ingest.CampaignChanged:
    return ingest.CampaignChanged(
        entity_id=f"cmp_{number}", version=version, codes=codes, name=f"Campaign {number}", tactic=tactic
    )


async def sold(reading: Reading) -> None:
    """Lead one: spring, then autumn, then late; opened on day 5, won 101 on day 20, amended to 91 on day 30."""
    await reading.say(campaign(1, "spring"), campaign(2, "Autumn", tactic="event"))
    await reading.say(captured("lead_1", "spring"), touched("lead_1", "autumn", 2), touched("lead_1", "late", 3))
    await reading.say(claimed("lead_1", "ptr_1"))
    await reading.say(opened("lead_1"), days=5)
    await reading.say(touched("lead_1", "spring", 6), registered("lead_1", "ptr_1"), days=6)
    await reading.say(won("lead_1", 101, 20), days=20)
    amended = dealreg.DealAmended(
        lead_id="lead_1",
        deal_id="deal_lead_1",
        amount=Money(91, EUR),
        previous=Money(101, EUR),
        effective_at=NOW + 30 * DAY,
    )
    await reading.say(amended, days=30)


async def test_revenue_and_credit_by_campaign(reading: Reading) -> None:
    await sold(reading)
    rows = await reading.rows(by="campaign")
    assert {key: row["amounts"] for key, row in rows.items()} == {
        "cmp_1": [{"currency": EUR, "revenue": 91, "credit": 46, "spend": None, "roi": None}],
        "cmp_2": [{"currency": EUR, "revenue": 91, "credit": 45, "spend": None, "roi": None}],
    }
    assert [(row["leads"], row["opportunities"], row["deals_won"]) for row in rows.values()] == [(1, 1, 1), (1, 1, 1)]
    first = await reading.rows(by="tactic", model="first")
    assert {key: row["amounts"][0]["credit"] for key, row in first.items()} == {"webinar": 91, "event": 0}


async def test_a_code_added_later_collects_its_earlier_touches(reading: Reading) -> None:
    await sold(reading)
    await reading.say(campaign(3, "LATE"))
    rows = await reading.rows(by="campaign")
    assert {key: row["amounts"][0]["credit"] for key, row in rows.items()} == {"cmp_1": 31, "cmp_2": 30, "cmp_3": 30}
    assert rows["cmp_3"]["leads"] == 1


async def test_periods_cut_by_the_dates_of_bookings(reading: Reading) -> None:
    await sold(reading)
    cut = (NOW + 25 * DAY).isoformat()
    before = await reading.rows(by="partner", to=cut)
    after = await reading.rows(by="partner", **{"from": cut})
    assert before["ptr_1"]["amounts"][0]["credit"] == 101
    assert after["ptr_1"]["amounts"][0]["credit"] == -10
    assert (before["ptr_1"]["deals_won"], after["ptr_1"]["deals_won"]) == (1, 0)


async def test_spend_and_return_on_it(reading: Reading) -> None:
    await sold(reading)
    spend = ingest.Spend(
        spend_id="sp_1", amount=Money(23, EUR), from_=date(2026, 3, 1), to=date(2026, 3, 2), funded_by="vendor"
    )
    await reading.say(ingest.CampaignSpendChanged(entity_id="cmp_1", version=1, entries=(spend,)))
    rows = await reading.rows(by="campaign")
    assert rows["cmp_1"]["amounts"][0] | {"revenue": 0} == {
        "currency": EUR,
        "revenue": 0,
        "credit": 46,
        "spend": 23,
        "roi": 1.0,
    }


async def test_instants_at_the_ends_of_time_are_refused_and_those_within_are_reckoned_with(reading: Reading) -> None:
    await sold(reading)
    spend = ingest.Spend(
        spend_id="sp_1", amount=Money(23, EUR), from_=date(2026, 3, 1), to=date.max, funded_by="vendor"
    )
    await reading.say(ingest.CampaignSpendChanged(entity_id="cmp_1", version=1, entries=(spend,)))
    ends = {"to": "9999-12-31T23:59:59Z", "from": "0001-01-01T00:00:00+14:00"}
    for path in ("revenue", "facts"):
        for name, at in ends.items():
            if (path, name) == ("facts", "to"):
                continue
            answer = await reading.client.get(
                f"/attribution/v1/{path}", params={name: at}, headers=reading.token("analyst")
            )
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"query:{name}")
    rows = await reading.rows(**{"from": "1970-01-01T00:00:00Z", "to": "9998-12-31T23:59:59Z", "window": "P36600D"})
    assert rows["cmp_1"]["amounts"][0]["credit"] == 46
    answer = await reading.client.get(
        "/attribution/v1/revenue", params={"window": "P999999999D"}, headers=reading.token("analyst")
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query:window")


async def test_a_partner_sees_its_own_rows_only(reading: Reading) -> None:
    await sold(reading)
    await reading.say(captured("lead_2", "spring"), claimed("lead_2", "ptr_2"), registered("lead_2", "ptr_2"))
    await reading.say(won("lead_2", 7, 21))
    assert set(await reading.rows(by="partner")) == {"ptr_1", "ptr_2"}
    assert set(await reading.rows(by="partner", role="partner", partner_id="ptr_2")) == {"ptr_2"}
    rows = await reading.rows(by="campaign", role="partner", partner_id="ptr_2")
    assert {key: (row["leads"], row["amounts"][0]["credit"]) for key, row in rows.items()} == {"cmp_1": (1, 7)}


async def test_origin_and_geography(reading: Reading) -> None:
    await reading.say(captured("lead_1", "x"), captured("lead_2", "x", "referral"))
    assert (await reading.rows(by="geography"))["DE"]["leads"] == 2
    assert (await reading.rows(by="geography", origin="referral"))["DE"]["leads"] == 1
    assert (await reading.rows(by="campaign"))[None]["leads"] == 2


async def test_the_chain_names_every_fact(reading: Reading) -> None:
    await sold(reading)
    chain = await reading.get("leads/lead_1")
    assert chain["began"]["fact_id"] == "fact_3"
    assert [touch["fact_id"] for touch in chain["touches"]] == ["fact_3", "fact_4", "fact_5", "fact_8"]
    assert chain["campaigns"][0] == {"id": "cmp_1", "name": "Campaign 1", "tactic": "webinar"}
    assert chain["revenue"] == [{"currency": EUR, "minor": 91}]
    assert [link["type"] for link in chain["deals"][0]["links"]] == ["deal.registered", "deal.won", "deal.amended"]
    assert chain["cycle_time"] == f"PT{20 * 86400}S"
    missing = await reading.client.get("/attribution/v1/leads/lead_9", headers=reading.token("analyst"))
    assert missing.status_code == 404


async def test_the_stream_gives_each_fact_once_in_order_and_resumes(reading: Reading) -> None:
    await sold(reading)
    everything = await reading.facts()
    assert len(everything) == 11
    of_lead = [fact["id"] for fact in everything if fact["subject"] == "lead_1"]
    assert of_lead == [f"fact_{number}" for number in range(3, 12)]
    assert "personal" not in str(everything)
    for place, fact in enumerate(everything):
        rest = await reading.facts(fact["cursor"])
        assert [one["id"] for one in rest] == [one["id"] for one in everything[place + 1 :]]
    assert [fact["id"] for fact in await reading.facts(types="deal.won", lead="lead_1")] == ["fact_10"]
    late = await reading.facts(**{"from": (NOW + 20 * DAY).isoformat()})
    assert [fact["type"] for fact in late] == ["deal.won.v1", "deal.amended.v1"]


async def test_what_was_sent_twice_is_streamed_once(reading: Reading) -> None:
    await reading.say(captured("lead_1", "x"))
    await reading.say(captured("lead_1", "x"), resend=True)
    assert [fact["id"] for fact in await reading.facts()] == ["fact_1"]


async def test_a_wrong_question_is_named(reading: Reading) -> None:
    for query, pointer in (({"by": "moon"}, "query:by"), ({"window": "-P1D"}, "query:window"), ({"x": "1"}, "query:x")):
        response = await reading.client.get("/attribution/v1/revenue", params=query, headers=reading.token("analyst"))
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    response = await reading.client.get(
        "/attribution/v1/facts", headers=reading.token("analyst") | {"Last-Event-ID": "nonsense!"}
    )
    assert response.json()["errors"][0]["pointer"] == "header:Last-Event-ID"
    response = await reading.client.get("/attribution/v1/facts", headers=reading.token("cam"))
    assert response.status_code == 403


async def test_a_rebuild_from_the_log_gives_the_same(reading: Reading) -> None:
    await sold(reading)
    assert reading.deployed.settings.database_url is not None
    rebuilt = await rebuild(reading.deployed.settings.database_url, reading.deployed.log, SERVICE)
    assert rebuilt.same, rebuilt.differences()
    assert rebuilt.facts == 11

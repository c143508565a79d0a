"""The router on a real database and log, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from leadway.facts import Fact
from leadway.facts.dealreg import DealApproved, DealRegistered, LeadClosed
from leadway.facts.ingest import CampaignChanged, LeadCaptured, VocabularyChanged, VocabularyEntry
from leadway.facts.personal import Person, SubmissionDetails, seal
from leadway.facts.router import LeadAssigned
from leadway.facts.scoring import LeadQualified
from leadway.facts.terms import Company, Money, Term, Touch
from leadway.hosting import rebuild
from leadway.ids import draw
from leadway.router.app import SERVICE
from leadway.testing.serving import Served, eventually, serving

PARTNERS = "/router/v1/partners"
RULES = "/router/v1/rules"
LEADS = "/router/v1/leads"
POOL = "/router/v1/pool"
OTHERWISE = {"retain": {"queue": "inside-sales"}}
TANK = {
    "rules": [{"name": "tank", "then": [{"pool": {"method": "shark_tank", "claim_within": "PT1H"}}]}],
    "otherwise": OTHERWISE,
}
ROUND = {
    "account": "ignore",
    "rules": [{"name": "all", "then": [{"assign": {"method": "round_robin", "among": {"match": ["territory"]}}}]}],
    "otherwise": OTHERWISE,
}


@pytest_asyncio.fixture
async def router(database: str) -> AsyncGenerator[Served]:
    async with serving(SERVICE, database) as served:
        yield served


async def add(router: Served, name: str, **fields: Any) -> str:
    body = {"name": name, "tier": "gold", **fields}
    response = await router.client.post(PARTNERS, json=body, headers=router.bearer("admin"))
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def put(router: Served, rules: dict[str, Any]) -> None:
    response = await router.client.put(RULES, json=rules, headers=router.bearer("admin"))
    assert response.status_code == 200, response.text


def captured(lead_id: str) -> LeadCaptured:
    return LeadCaptured(
        lead_id=lead_id,
        person_id="per_1",
        company_id="com_1",
        source_id="src_1",
        company=Company(name="Acme", domain="acme.example", country="DE", postal_code="70173", employees=250),
        product=Term("imaging"),
        touch=Touch(kind="form.submitted", occurred_at=datetime.now(UTC)),
        personal=seal(SubmissionDetails(person=Person(email="anna@acme.example"))),
    )


async def qualify(router: Served, lead_id: str | None = None) -> str:
    lead_id = lead_id or draw("lead")
    told: tuple[Fact, ...] = (
        captured(lead_id),
        LeadQualified(lead_id=lead_id, score=70.0, model_version=1, label="hot"),
    )
    for fact in told:
        await router.tell(lead_id, fact)
    return lead_id


async def test_partners_are_edited_with_etags(router: Served) -> None:
    admin = router.bearer("admin")
    body = {"name": "Nord", "tier": "gold", "territories": ["DE:20"], "capacity": {"open_leads": 5}, "cam": "anna"}
    made = await router.client.post(PARTNERS, json=body, headers={**admin, "Idempotency-Key": "k1"})
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    again = await router.client.post(PARTNERS, json=body, headers={**admin, "Idempotency-Key": "k1"})
    assert again.json() == made.json()
    where = f"{PARTNERS}/{made.json()['id']}"
    changed = await router.client.patch(
        where, json={"status": "paused", "capacity": {}}, headers={**admin, "If-Match": '"1"'}
    )
    assert (changed.json()["status"], "capacity" in changed.json(), changed.headers["etag"]) == ("paused", False, '"2"')
    stale = await router.client.patch(where, json={"tier": "silver"}, headers={**admin, "If-Match": '"1"'})
    assert stale.status_code == 412
    assert (await router.client.get(where, headers=admin)).json()["territories"] == ["DE:20"]
    listed = await router.client.get(PARTNERS, headers=admin)
    assert ([each["name"] for each in listed.json()["data"]], listed.json()["has_more"]) == (["Nord"], False)
    unknown = await router.client.patch(f"{PARTNERS}/{draw('ptr')}", json={}, headers=admin)
    assert unknown.status_code == 404


async def test_a_bad_partner_is_refused_with_every_pointer(router: Served) -> None:
    await router.tell("industry", VocabularyChanged(
        entity_id="industry", version=1, entries=(VocabularyEntry(code="healthcare", label="Health"),)
    ))  # fmt: skip
    body = {"name": "N", "tier": "gold", "territories": ["Germany"], "industries": ["health"], "parent_id": "ptr_x"}

    async def refused() -> Any:
        response = await router.client.post(PARTNERS, json=body, headers=router.bearer("admin"))
        errors = {error["pointer"] for error in response.json()["errors"]}
        return response if "#/industries/0" in errors else None

    response = await eventually(refused)
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json()["errors"]} == {
        "#/territories/0",
        "#/industries/0",
        "#/parent_id",
    }


async def test_rules_are_checked_whole_and_read_back(router: Served) -> None:
    admin = router.bearer("admin")
    assert (await router.client.get(RULES, headers=admin)).status_code == 404
    bad: dict[str, Any] = {
        "rules": [{"name": "x", "when": {"colour": ["red"]}, "then": [{"direct": "ptr_nobody"}]}],
        "otherwise": {"retain": {}},
    }
    refused = await router.client.put(RULES, json=bad, headers=admin)
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "#/rules/0/when/colour",
        "#/rules/0/then/0/direct",
        "#/otherwise/retain/queue",
    }
    await put(router, TANK)
    read = await router.client.get(RULES, headers=admin)
    assert (read.json(), read.headers["etag"]) == (TANK, '"1"')
    stale = await router.client.put(RULES, json=TANK, headers={**admin, "If-Match": '"9"'})
    assert stale.status_code == 412


async def test_a_code_that_was_published_a_moment_ago_is_waited_for(router: Served) -> None:
    def naming(code: str) -> dict[str, Any]:
        rule = {"name": "s", "when": {"campaign": [code]}, "then": [OTHERWISE]}
        return {"rules": [rule], "otherwise": OTHERWISE}

    def campaign(code: str) -> CampaignChanged:
        return CampaignChanged(entity_id=f"cmp_{code}", version=1, codes=(code,), name=code, tactic="webinar")

    async def refuses_others() -> bool:
        response = await router.client.put(RULES, json=naming("winter"), headers=router.bearer("admin"))
        return response.status_code == 422

    await router.tell("cmp_spring", campaign("spring"))
    await eventually(refuses_others)
    await router.tell("cmp_autumn", campaign("autumn"))
    await put(router, naming("autumn"))


async def test_a_pool_lead_is_claimed_once_and_shows_nobody(router: Served) -> None:
    first, second = await add(router, "A"), await add(router, "B")
    await put(router, TANK)
    lead_id = await qualify(router)
    await router.said(lead_id, "lead.pooled")
    a, b = router.bearer("partner", first), router.bearer("partner", second)
    pool = (await router.client.get(POOL, headers=a)).json()
    (item,) = pool["data"]
    assert (item["lead_id"], item["product"], item["score"]) == (lead_id, "imaging", 70.0)
    assert "acme" not in str(pool).lower()
    claimed = await router.client.post(f"{LEADS}/{lead_id}/claim", headers=a)
    assert (claimed.status_code, claimed.json()["state"]) == (200, "accepted")
    assert claimed.json()["owner"] == {"kind": "partner", "partner_id": first}
    again = await router.client.post(f"{LEADS}/{lead_id}/claim", headers=a)
    assert (again.status_code, again.json()) == (200, claimed.json())
    late = await router.client.post(f"{LEADS}/{lead_id}/claim", headers=b)
    assert (late.status_code, late.json()["type"]) == (409, "/problems/lead-already-claimed")
    assert (await router.client.get(f"{LEADS}/{lead_id}", headers=b)).status_code == 404
    assert (await router.client.get(POOL, headers=b)).json()["data"] == []
    own = (await router.client.get(LEADS, headers=a)).json()["data"]
    assert [each["lead_id"] for each in own] == [lead_id]
    assert (await router.client.get(LEADS, headers=b)).json()["data"] == []


async def test_a_declined_lead_goes_on_and_its_former_holder_sees_how_it_ended(router: Served) -> None:
    partners = {await add(router, "A", territories=["DE:70"]), await add(router, "B")}
    other = await add(router, "C", territories=["US"])
    await put(router, ROUND)
    lead_id = await qualify(router)
    (assigned,) = await router.said(lead_id, "lead.assigned")
    assert isinstance(assigned.data, LeadAssigned)
    holder = assigned.data.partner_id
    assert holder in partners
    where = f"{LEADS}/{lead_id}"
    stranger = await router.client.post(f"{where}/accept", headers=router.bearer("partner", other))
    assert stranger.status_code == 404
    mine = router.bearer("partner", holder)
    bad = await router.client.post(f"{where}/decline", json={"reason": "tired", "colour": 1}, headers=mine)
    assert {error["pointer"] for error in bad.json()["errors"]} == {"#/reason", "#/colour"}
    declined = await router.client.post(f"{where}/decline", json={"reason": "no_fit", "note": "Too far"}, headers=mine)
    assert declined.status_code == 200
    body = declined.json()
    assert (body["state"], body["how"], body["reason"]) == ("ended", "declined", "no_fit")
    ended = await router.client.post(f"{where}/accept", headers=mine)
    assert (ended.status_code, ended.json()["type"]) == (409, "/problems/assignment-ended")
    await router.said(lead_id, "lead.assigned", "lead.declined", "lead.assigned")
    manager = router.bearer("cam")
    now = (await router.client.get(where, headers=manager)).json()
    assert now["owner"]["partner_id"] in partners - {holder}
    assert [move["what"] for move in now["history"]] == ["lead.assigned", "lead.declined", "lead.assigned"]
    decisions = (await router.client.get(f"{where}/decisions", headers=manager)).json()["decisions"]
    assert [decision["asked"] for decision in decisions] == ["qualified", "declined"]
    assert {out["partner_id"]: out["reasons"] for out in decisions[1]["steps"][0]["left_out"]} == {
        holder: ["had this lead before"],
        other: ["not its territory"],
    }
    assert (await router.client.get(f"{where}/decisions", headers=mine)).status_code == 403


async def test_a_manager_moves_a_lead_until_it_closes(router: Served) -> None:
    partner_id = await add(router, "A")
    await put(router, {"rules": [], "otherwise": OTHERWISE})
    lead_id = await qualify(router)
    await router.said(lead_id, "lead.retained")
    admin = router.bearer("admin")
    where = f"{LEADS}/{lead_id}"
    got = (await router.client.get(where, headers=admin)).json()
    assert (got["state"], got["owner"]) == ("retained", {"kind": "direct", "queue": "inside-sales"})
    nobody = await router.client.post(f"{where}/assign", json={"partner_id": "ptr_x", "reason": "r"}, headers=admin)
    assert nobody.json()["errors"][0]["pointer"] == "#/partner_id"
    body = {"partner_id": partner_id, "reason": "knows them"}
    assigned = await router.client.post(f"{where}/assign", json=body, headers=admin)
    assert (assigned.json()["state"], assigned.json()["method"]) == ("assigned", "manual")
    held = await router.client.get(f"{LEADS}?state=assigned&partner_id={partner_id}", headers=admin)
    assert [each["lead_id"] for each in held.json()["data"]] == [lead_id]
    await router.tell(lead_id, LeadClosed(lead_id=lead_id, outcome="lost"))
    await router.said(lead_id, "lead.retained", "lead.assigned", "lead.released")
    closed = (await router.client.get(where, headers=admin)).json()
    assert (closed["state"], closed["outcome"]) == ("closed", "lost")
    rerouted = await router.client.post(f"{where}/reroute", json={"reason": "try"}, headers=admin)
    assert (rerouted.status_code, rerouted.json()["type"]) == (409, "/problems/not-routable")


async def test_an_unknown_lead_is_not_found(router: Served) -> None:
    lead_id = draw("lead")
    for headers in (router.bearer("admin"), router.bearer("partner", draw("ptr"))):
        assert (await router.client.get(f"{LEADS}/{lead_id}", headers=headers)).status_code == 404
    claim = await router.client.post(f"{LEADS}/{lead_id}/claim", headers=router.bearer("partner", draw("ptr")))
    assert claim.status_code == 404
    runtime = router.deployment.running["router"].runtime
    assert await runtime.query("SELECT subject FROM subjects") == [], "nobody fills the database by guessing"


async def test_a_lead_that_was_captured_a_moment_ago_is_found_and_listed_as_unrouted(router: Served) -> None:
    admin = router.bearer("admin")
    lead_id = draw("lead")
    await router.tell(lead_id, captured(lead_id))
    found = await router.client.get(f"{LEADS}/{lead_id}", headers=admin)
    assert (found.status_code, found.json()["state"]) == (200, "unrouted")
    listed = await router.client.get(f"{LEADS}?state=unrouted", headers=admin)
    assert [each["lead_id"] for each in listed.json()["data"]] == [lead_id]
    assert (await router.client.get(LEADS, headers=admin)).json()["data"] == [], "it was not routed"
    partner = router.bearer("partner", draw("ptr"))
    assert (await router.client.get(f"{LEADS}?state=unrouted", headers=partner)).json()["data"] == []
    assert (await router.client.get(f"{LEADS}/{lead_id}", headers=partner)).status_code == 404


async def test_a_lead_is_unrouted_until_it_is_routed(router: Served) -> None:
    await put(router, {"rules": [], "otherwise": OTHERWISE})
    lead_id = await qualify(router)
    await router.said(lead_id, "lead.retained")
    listed = await router.client.get(f"{LEADS}?state=unrouted", headers=router.bearer("admin"))
    assert listed.json()["data"] == []


async def test_a_deal_that_was_approved_a_moment_ago_keeps_the_lead_where_it_is(router: Served) -> None:
    admin = router.bearer("admin")
    partner_id = await add(router, "A")
    other = await add(router, "B")
    rule = {"name": "A", "then": [{"direct": partner_id}]}
    await put(router, {"account": "ignore", "rules": [rule], "otherwise": OTHERWISE})
    for number, (move, body) in enumerate(
        (
            ("retain", {"queue": "inside", "reason": "r"}),
            ("assign", {"partner_id": other, "reason": "r"}),
            ("reroute", {"reason": "r"}),
        )
    ):
        lead_id = await qualify(router)
        await router.said(lead_id, "lead.assigned")
        deal_id, amount = draw("deal"), Money(minor=100 + number, currency="EUR")
        until = datetime.now(UTC) + timedelta(days=90)
        await router.tell(
            lead_id, DealRegistered(lead_id=lead_id, deal_id=deal_id, partner_id=partner_id, amount=amount)
        )
        approved = DealApproved(
            lead_id=lead_id, deal_id=deal_id, partner_id=partner_id, protected_until=until, protection_version=1
        )
        await router.tell(lead_id, approved)
        moved = await router.client.post(f"{LEADS}/{lead_id}/{move}", json=body, headers=admin)
        assert (moved.status_code, moved.json()["type"]) == (409, "/problems/deal-open"), move


async def test_claim_and_accept_take_no_words_that_mean_nothing(router: Served) -> None:
    lead_id = await qualify(router)
    mine = router.bearer("partner", await add(router, "A"))
    for verb in ("claim", "accept"):
        where = f"{LEADS}/{lead_id}/{verb}"
        unknown = await router.client.post(where, json={"junk": 1}, headers=mine)
        assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "#/junk")
        broken = await router.client.post(where, content=b"{bad", headers={**mine, "Content-Type": "application/json"})
        assert broken.status_code == 400
        assert (await router.client.post(where, json={}, headers=mine)).status_code == 404  # what it is otherwise


async def test_a_rebuild_comes_to_the_same(router: Served, database: str) -> None:
    a, _ = await add(router, "A"), await add(router, "B")
    await put(router, {**ROUND, "account": "follow"})
    first, second = await qualify(router), await qualify(router)
    (assigned,) = await router.said(first, "lead.assigned")
    await router.said(second, "lead.assigned")
    assert isinstance(assigned.data, LeadAssigned)
    mine = router.bearer("partner", assigned.data.partner_id)
    await router.client.post(f"{LEADS}/{first}/decline", json={"reason": "not_a_lead"}, headers=mine)
    await router.client.post(
        f"{LEADS}/{second}/assign", json={"partner_id": a, "reason": "x"}, headers=router.bearer("admin")
    )
    await router.said(first, "lead.assigned", "lead.declined", "lead.retained")
    await router.tell(second, LeadClosed(lead_id=second, outcome="lost"))
    admin = router.bearer("admin")

    async def closed() -> bool:
        return (await router.client.get(f"{LEADS}/{second}", headers=admin)).json()["state"] == "closed"

    await eventually(closed)
    rebuilt = await rebuild(database, router.deployment.log, SERVICE)
    assert rebuilt.same, rebuilt.differences()
    assert rebuilt.facts > 0

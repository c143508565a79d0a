"""What callers get wrong, on all services together: a clear problem with a pointer, and nothing half-written."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from world import World, eventually, settled

from leadway.database import scratch_database
from leadway.hosting import Deployment, Settings, deployment, services
from leadway.web import issue_token

pytestmark = pytest.mark.asyncio(loop_scope="module")
EUR = {"minor": 500_000, "currency": "EUR"}
UNKNOWN = "ptr_01h455vb4pex5vsknk084sn02q"
MODEL = {
    "fit": [],
    "engagement": [{"when": {"touch": ["form.submitted"]}, "points": 30, "half_life": "P30D", "label": "form"}],
    "qualify": [{"when": {"score": {"min": 10}}, "label": "warm"}],
    "disqualify": [],
}


@dataclass
class Town:
    """All services, a few partners, and leads in every state."""

    world: World
    deployment: Deployment
    made: dict[str, str] = field(default_factory=dict[str, str])

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return await self.world.ask(method, path, body, **more)

    async def counted(self) -> Mapping[str, tuple[int, int]]:
        """By service: its facts so far, and its leads with a state."""
        found: dict[str, tuple[int, int]] = {}
        for name, each in self.deployment.running.items():
            (row,) = await each.runtime.query(
                "SELECT (SELECT coalesce(sum(sequence), 0)::int FROM counters) AS facts,"
                " (SELECT count(*) FROM subjects WHERE state IS NOT NULL) AS leads"
            )
            found[name] = (row["facts"], row["leads"])
        return found

    async def refused(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: int,
        slug: str,
        at: set[str] | None = None,
        **more: Any,
    ) -> Any:
        """Ask for what cannot be: the problem is of that kind with those pointers, and no service says anything."""
        before = await self.counted()
        problem = await self.ask(method, path, body, expect=expect, **more)
        assert (problem["type"], problem["status"]) == (f"/problems/{slug}", expect)
        assert problem["title"]
        if at is not None:
            assert {each["pointer"] for each in problem["errors"]} == at, problem
            assert all(each["detail"] for each in problem["errors"])
        page = await self.world.client.get(problem["type"], headers={"Accept": "text/html"})
        assert page.status_code == 200, "each kind of problem has its page"
        assert await self.counted() == before
        return problem

    async def lead(self, country: str) -> str:
        """A lead of a new person there."""
        email = f"{secrets.token_hex(6)}@{secrets.token_hex(6)}.example"
        body = {"person": {"email": email}, "company": {"country": country}}
        path = f"/ingest/v1/sources/{self.made['source']}/leads"
        return (await self.ask("POST", path, body, headers={"X-Leadway-Key": self.made["key"]}))["lead_id"]

    async def routed(self, country: str, state: str) -> str:
        """A lead that was routed there, with nothing more on its way."""
        lead = await self.lead(country)

        async def there() -> bool:
            found = await self.ask("GET", f"/router/v1/leads/{lead}", expect=(200, 404))
            return found.get("state") == state

        await eventually(there)
        await self.settled()
        return lead

    async def settled(self) -> None:
        """Wait until no service says anything any more."""
        await settled(self.deployment)

    async def held(self) -> str:
        """A lead that Alfa holds."""
        return await self.routed("PL", "assigned")

    async def deal(self) -> str:
        """An open deal of Alfa's."""
        lead = await self.held()
        body = {"amount": EUR, "name": "Archive"}
        path = f"/dealreg/v1/leads/{lead}/deals"
        deal = (await self.ask("POST", path, body, partner=self.made["Alfa"]))["deal_id"]
        await self.settled()
        return deal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres_url: str) -> AsyncGenerator[Town]:
    async with scratch_database(postgres_url, f"test_{secrets.token_hex(8)}") as url:
        settings = Settings(database_url=url, deployment_key=secrets.token_hex(32), partitions=2)
        async with deployment(settings, services(), base_url="http://leadway.test") as running:
            transport = httpx.ASGITransport(app=running.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://leadway.test") as client:
                bases = dict.fromkeys(running.running, "http://leadway.test")
                town = Town(World(bases, running.key, url, None, client), running)
                await set_up(town)
                yield town


async def set_up(town: Town) -> None:
    for name, territories in (("Alfa", ["PL"]), ("Beta", ["US"]), ("Gamma", ["US"]), ("Delta", ["FR"])):
        partner = {"name": name, "status": "active", "tier": "gold", "territories": territories}
        town.made[name] = (await town.ask("POST", "/router/v1/partners", partner))["id"]
    await town.ask("PUT", "/scoring/v1/model", MODEL)
    pool = {"pool": {"method": "shark_tank", "among": {"match": ["territory"]}, "claim_within": "PT1H"}}
    rules = [
        {"name": "Poland", "when": {"country": ["PL"]}, "then": [{"direct": town.made["Alfa"]}]},
        {"name": "States", "when": {"country": ["US"]}, "then": [pool]},
    ]
    await town.ask("PUT", "/router/v1/rules", {"rules": rules, "otherwise": {"retain": {"queue": "desk"}}})
    made = await town.ask("POST", "/ingest/v1/sources", {"name": "site", "kind": "native"})
    town.made |= {"source": made["id"], "key": made["key"]}
    await town.settled()


# Who asks


POSTS = ["/router/v1/partners", "/ingest/v1/sources", "/dealreg/v1/deals", "/delivery/v1/endpoints"]


def forged(**claims: Any) -> str:
    """A token with another deployment's signature."""
    now = datetime.now(UTC)
    said = {"sub": "x", "role": "admin", "iss": "leadway", "aud": "leadway", "exp": now + timedelta(hours=1)}
    return jwt.encode(said | claims, b"k" * 32, algorithm="HS256")


async def test_without_a_valid_token_nothing_is_done(town: Town) -> None:
    key = town.world.key
    unsigned = jwt.encode({"sub": "x", "role": "admin", "iss": "leadway", "aud": "leadway"}, "", algorithm="none")
    tokens = ["", "Bearer", "Bearer x", "Basic eDp4", f"Bearer {forged()}", f"Bearer {unsigned}"]
    for path in POSTS:
        for token in tokens:
            headers = {"Authorization": token} if token else {}
            await town.refused("POST", path, {}, expect=401, slug="unauthenticated", headers=headers)
    expired = issue_token(key, role="admin", subject="x", ttl=timedelta(hours=1), now=datetime(2026, 1, 1, tzinfo=UTC))
    headers = {"Authorization": f"Bearer {expired}"}
    await town.refused("POST", POSTS[0], {}, expect=401, slug="token-expired", headers=headers)


async def test_a_role_may_do_only_what_is_its_own(town: Town) -> None:
    alfa = town.made["Alfa"]
    for path in ("/router/v1/partners", "/ingest/v1/sources", "/ingest/v1/campaigns"):
        await town.refused("POST", path, {}, expect=403, slug="forbidden", partner=alfa)
    lead = await town.held()
    await town.refused("POST", f"/router/v1/leads/{lead}/accept", expect=403, slug="forbidden", role="analyst")
    await town.refused("GET", "/attribution/v1/facts", expect=403, slug="forbidden", partner=alfa)


# What is sent


async def test_a_command_that_is_no_json_or_of_the_wrong_type_is_refused(town: Town) -> None:
    admin = {"Authorization": f"Bearer {town.world.token('admin')}", "Content-Type": "application/json"}
    for path in ("/router/v1/partners", "/ingest/v1/campaigns", "/dealreg/v1/deals/deal_x/approve"):
        for content in (b"{", b'{"name": "x",}', b"\xff"):
            await town.refused("POST", path, expect=400, slug="malformed-json", headers=admin, content=content)
    body = {"name": 5, "tier": "gold", "territories": "PL", "weight": "much", "colour": "red", "capacity": {"a": 1}}
    at = {"#/name", "#/territories", "#/weight", "#/colour", "#/capacity/a"}
    await town.refused("POST", "/router/v1/partners", body, expect=422, slug="invalid-request", at=at)
    await town.refused("POST", "/router/v1/partners", [], expect=422, slug="invalid-request", at={"#"})
    nul = {"name": "A\0B", "tier": "gold"}
    await town.refused("POST", "/router/v1/partners", nul, expect=422, slug="invalid-request", at={"#/name"})
    endpoint = {"url": "ftp://x.example", "types": ["lead.thrown"]}
    at = {"#/url", "#/types/0"}
    await town.refused("POST", "/delivery/v1/endpoints", endpoint, expect=422, slug="invalid-request", at=at)


async def test_a_body_over_the_limit_is_refused(town: Town) -> None:
    body = {"name": "x" * 300_000, "tier": "gold"}
    for path in ("/router/v1/partners", "/dealreg/v1/deals", "/delivery/v1/endpoints"):
        problem = await town.refused("POST", path, body, expect=413, slug="body-too-large")
        assert problem["bytes_max"] == 256 * 1024


# Rules


def rules(when: Any, *then: Any) -> dict[str, Any]:
    return {"rules": [{"name": "bad", "when": when, "then": list(then)}], "otherwise": {"retain": {"queue": "desk"}}}


async def test_rules_that_name_what_is_unknown_are_refused_whole(town: Town) -> None:
    await town.ask("PUT", "/ingest/v1/vocabularies/industry", [{"code": "health", "label": "Health", "aliases": []}])
    await town.settled()
    before = await town.ask("GET", "/router/v1/rules")
    pool = {"pool": {"method": "shark_tank", "among": {"partners": [UNKNOWN], "match": ["shoes"]}}}
    cases: list[tuple[Any, set[str]]] = [
        (rules({}, {"direct": UNKNOWN}), {"#/rules/0/then/0/direct"}),
        (rules({}, pool), {"#/rules/0/then/0/pool/among/partners/0", "#/rules/0/then/0/pool/among/match/0"}),
        (rules({"industry": ["helth"]}, {"retain": {"queue": "q"}}), {"#/rules/0/when/industry/0"}),
        (rules({"colour": ["red"]}, {"retain": {"queue": "q"}}), {"#/rules/0/when/colour"}),
        (rules({"employees": {"atleast": 5}}, {"retain": {"queue": "q"}}), {"#/rules/0/when/employees/atleast"}),
        (rules({}, {"throw": {}}), {"#/rules/0/then/0/throw"}),
        ({"rules": [], "otherwise": {"retain": {"queue": "desk"}}, "extra": 1}, {"#/extra"}),
    ]
    for body, at in cases:
        await town.refused("PUT", "/router/v1/rules", body, expect=422, slug="invalid-request", at=at)
    assert await town.ask("GET", "/router/v1/rules") == before


async def test_models_and_policies_that_name_what_is_unknown_are_refused_whole(town: Town) -> None:
    model = MODEL | {"fit": [{"when": {"colour": ["red"]}, "points": "many", "label": ""}]}
    at = {"#/fit/0/when/colour", "#/fit/0/points", "#/fit/0/label"}
    await town.refused("PUT", "/scoring/v1/model", model, expect=422, slug="invalid-request", at=at)
    clock: dict[str, Any] = {"clock": "nap", "within": "PT1H", "remind_at": [], "on_breach": "alert"}
    policies: dict[str, Any] = {"policies": [{"name": "x", "when": {"shoe": ["a"]}, "clocks": [clock]}]}
    at = {"#/policies/0/when/shoe", "#/policies/0/clocks/0/clock"}
    await town.refused("PUT", "/sla-timer/v1/policies", policies, expect=422, slug="invalid-request", at=at)


# Leads and who has them


async def test_another_partners_lead_is_not_there(town: Town) -> None:
    lead, delta = await town.held(), town.made["Delta"]
    for path in ("router", "dealreg"):
        await town.refused("GET", f"/{path}/v1/leads/{lead}", expect=404, slug="not-found", partner=delta)
    for act, body in (("accept", {}), ("decline", {"reason": "no_fit"})):
        path = f"/router/v1/leads/{lead}/{act}"
        await town.refused("POST", path, body, expect=404, slug="not-found", partner=delta)
    works = (
        ("activities", {"kind": "call"}),
        ("stage", {"stage": "qualified"}),
        ("deals", {"amount": EUR}),
        ("close", {"outcome": "lost"}),
    )
    for act, body in works:
        path = f"/dealreg/v1/leads/{lead}/{act}"
        await town.refused("POST", path, body, expect=404, slug="not-found", partner=delta)
    listed = await town.ask("GET", f"/router/v1/leads?partner_id={town.made['Alfa']}", partner=delta)
    assert listed == {"data": [], "has_more": False}


async def test_a_lead_that_nobody_captured_is_not_there(town: Town) -> None:
    lead = "lead_01h455vb4pex5vsknk084sn02q"
    for path in (f"/router/v1/leads/{lead}", f"/dealreg/v1/leads/{lead}", f"/ingest/v1/leads/{lead}"):
        await town.refused("GET", path, expect=404, slug="not-found")
    path = f"/router/v1/leads/{lead}/assign"
    body = {"partner_id": town.made["Alfa"], "reason": "x"}
    await town.refused("POST", path, body, expect=404, slug="not-found")
    await town.refused("GET", "/router/v1/leads/none-such", expect=404, slug="not-found")


async def test_a_lead_is_claimed_once_and_only_by_whom_it_was_offered_to(town: Town) -> None:
    lead = await town.routed("US", "pooled")
    path = f"/router/v1/leads/{lead}/claim"
    await town.refused("POST", path, expect=403, slug="not-eligible", partner=town.made["Delta"])
    ends = await asyncio.gather(
        *(town.ask("POST", path, partner=town.made[name], expect=(200, 409)) for name in ("Beta", "Gamma"))
    )
    won = [each for each in ends if "assignment_id" in each]
    lost = [each for each in ends if each.get("type") == "/problems/lead-already-claimed"]
    assert (len(won), len(lost)) == (1, 1)
    await town.settled()
    winner = won[0]["owner"]["partner_id"]
    (loser,) = {town.made["Beta"], town.made["Gamma"]} - {winner}
    await town.refused("POST", path, expect=409, slug="lead-already-claimed", partner=loser)
    again = await town.ask("POST", path, partner=winner)
    assert again["assignment_id"] == won[0]["assignment_id"], "the same claim again is the same assignment"
    problem = await town.refused("POST", f"/router/v1/leads/{lead}/accept", expect=403, slug="not-owner", partner=loser)
    assert winner not in str(problem)


async def test_who_no_longer_holds_a_lead_does_nothing_for_it(town: Town) -> None:
    lead, alfa, delta = await town.held(), town.made["Alfa"], town.made["Delta"]
    former = (await town.ask("GET", f"/router/v1/leads/{lead}", partner=alfa))["assignment_id"]
    await town.ask("POST", f"/router/v1/leads/{lead}/assign", {"partner_id": delta, "reason": "better"}, role="cam")
    await town.settled()
    for path, body in (
        (f"/router/v1/leads/{lead}/accept", {}),
        (f"/dealreg/v1/leads/{lead}/activities", {"kind": "call"}),
        (f"/dealreg/v1/leads/{lead}/stage", {"stage": "qualified"}),
        (f"/dealreg/v1/leads/{lead}/deals", {"amount": EUR}),
    ):
        problem = await town.refused("POST", path, body, expect=409, slug="assignment-ended", partner=alfa)
        assert delta not in str(problem), "never the next holder"
    body = {"kind": "call", "assignment_id": former}
    path = f"/dealreg/v1/leads/{lead}/activities"
    await town.refused("POST", path, body, expect=409, slug="assignment-ended", partner=delta)
    body = {"partner_id": UNKNOWN, "reason": "x"}
    await town.refused(
        "POST", f"/router/v1/leads/{lead}/assign", body, expect=422, slug="invalid-request", at={"#/partner_id"}
    )


# Work and deals


async def test_an_unknown_stage_kind_or_outcome_is_refused(town: Town) -> None:
    lead, alfa = await town.held(), town.made["Alfa"]
    path = f"/dealreg/v1/leads/{lead}"
    stage = {"stage": "moonwalk"}
    await town.refused("POST", f"{path}/stage", stage, expect=422, slug="unknown-stage", at={"#/stage"}, partner=alfa)
    bad = {"kind": "fax", "occurred_at": "2026-01-01T00:00:00", "mood": "good"}
    at = {"#/kind", "#/occurred_at", "#/mood"}
    await town.refused("POST", f"{path}/activities", bad, expect=422, slug="invalid-request", at=at, partner=alfa)
    await town.refused(
        "POST", f"{path}/close", {"outcome": "x"}, expect=422, slug="invalid-request", at={"#/outcome"}, partner=alfa
    )


async def test_money_is_positive_and_of_the_deals_currency(town: Town) -> None:
    lead, alfa = await town.held(), town.made["Alfa"]
    path = f"/dealreg/v1/leads/{lead}"
    wrong: list[tuple[Any, set[str]]] = [
        ({"minor": -1, "currency": "EUR"}, {"#/amount/minor"}),
        ({"minor": 1.5, "currency": "EUR"}, {"#/amount/minor"}),
        ({"minor": "5", "currency": "EUR"}, {"#/amount/minor"}),
        ({"minor": 5, "currency": "EUX"}, {"#/amount/currency"}),
        ({"minor": 5}, {"#/amount/currency"}),
        ({"minor": 10**30, "currency": "EUR"}, {"#/amount/minor"}),
    ]
    for amount, at in wrong:
        opportunity = {"name": "x", "amount": amount, "expected_close": "2027-01-01"}
        for act, body in (("opportunities", opportunity), ("deals", {"amount": amount})):
            await town.refused("POST", f"{path}/{act}", body, expect=422, slug="invalid-request", at=at, partner=alfa)
    deal = await town.deal()
    for amount, at in wrong:
        await town.refused(
            "POST",
            f"/dealreg/v1/deals/{deal}/win",
            {"amount": amount},
            expect=422,
            slug="invalid-request",
            at=at,
            partner=alfa,
        )
    dollars = {"amount": {"minor": 5, "currency": "USD"}}
    at = {"#/amount/currency"}
    await town.refused(
        "POST", f"/dealreg/v1/deals/{deal}/win", dollars, expect=422, slug="other-currency", at=at, partner=alfa
    )


async def test_a_deal_is_won_once_and_amended_only_after(town: Town) -> None:
    deal, alfa = await town.deal(), town.made["Alfa"]
    path = f"/dealreg/v1/deals/{deal}"
    change = {"amount": EUR, "reason": "rebate", "effective_at": "2026-04-01T00:00:00Z"}
    await town.refused("POST", f"{path}/amend", change, expect=409, slug="deal-not-won")
    await town.refused("POST", f"{path}/win", {"amount": EUR}, expect=404, slug="not-found", partner=town.made["Beta"])
    await town.ask("POST", f"{path}/win", {"amount": EUR}, partner=alfa)
    await town.settled()
    for _ in range(2):
        await town.refused("POST", f"{path}/win", {"amount": EUR}, expect=409, slug="deal-already-won", partner=alfa)
    await town.refused("POST", f"{path}/lose", {"reason": "x"}, expect=409, slug="deal-already-won", partner=alfa)
    dollars = change | {"amount": {"minor": 5, "currency": "USD"}}
    await town.refused("POST", f"{path}/amend", dollars, expect=422, slug="other-currency", at={"#/amount/currency"})
    negative = change | {"amount": {"minor": -5, "currency": "EUR"}}
    await town.refused("POST", f"{path}/amend", negative, expect=422, slug="invalid-request", at={"#/amount/minor"})
    at = {"#/amount", "#/reason", "#/effective_at"}
    await town.refused("POST", f"{path}/amend", {}, expect=422, slug="invalid-request", at=at)


async def test_one_idempotency_key_names_one_request(town: Town) -> None:
    headers = {"Authorization": f"Bearer {town.world.token('admin')}", "Idempotency-Key": "once"}
    partner = {"name": "Twice", "tier": "gold"}
    first = await town.ask("POST", "/router/v1/partners", partner, headers=headers)
    assert await town.ask("POST", "/router/v1/partners", partner, headers=headers) == first
    other = partner | {"name": "Other"}
    slug = "idempotency-key-reused"
    await town.refused("POST", "/router/v1/partners", other, expect=422, slug=slug, headers=headers)
    names = [each["name"] for each in (await town.ask("GET", "/router/v1/partners?limit=200"))["data"]]
    assert (names.count("Twice"), names.count("Other")) == (1, 0)


async def test_nothing_of_all_that_was_parked_or_stopped_a_service(town: Town) -> None:
    assert town.deployment.stopped() == {}
    for each in town.deployment.running.values():
        assert await each.runtime.query("SELECT reason FROM parked") == []

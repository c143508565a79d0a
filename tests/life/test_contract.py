"""What other systems rely on: paths, statuses, field names, roles, problems, paging, ETags, idempotency, durations."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from shapes import faults
from standing import Standing, standing
from world import PAYLOADS

from leadway.ids import draw

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = ("admin", "cam", "partner", "analyst")
# For each route, who may call it: a, c, p, n for admin, cam, partner, analyst. `source`: a key of its own.
ROUTES = """
POST   /ingest/v1/campaigns                              a
GET    /ingest/v1/campaigns                              acn
GET    /ingest/v1/campaigns/{campaign_id}                acn
PATCH  /ingest/v1/campaigns/{campaign_id}                a
POST   /ingest/v1/campaigns/{campaign_id}/spend          a
POST   /ingest/v1/sources                                a
POST   /ingest/v1/sources/{source_id}/leads              source
GET    /ingest/v1/vocabularies/{vocabulary}              a
PUT    /ingest/v1/vocabularies/{vocabulary}              a
GET    /ingest/v1/leads                                  ac
GET    /ingest/v1/leads/{lead_id}                        ac
GET    /scoring/v1/model                                 a
PUT    /scoring/v1/model                                 a
GET    /scoring/v1/leads/{lead_id}                       acn
POST   /router/v1/partners                               a
GET    /router/v1/partners                               acp
GET    /router/v1/partners/{partner_id}                  acp
PATCH  /router/v1/partners/{partner_id}                  a
GET    /router/v1/rules                                  ac
PUT    /router/v1/rules                                  a
GET    /router/v1/leads                                  acp
GET    /router/v1/leads/{lead_id}                        acp
GET    /router/v1/leads/{lead_id}/decisions              ac
GET    /router/v1/pool                                   p
POST   /router/v1/leads/{lead_id}/claim                  p
POST   /router/v1/leads/{lead_id}/accept                 acp
POST   /router/v1/leads/{lead_id}/decline                acp
POST   /router/v1/leads/{lead_id}/assign                 ac
POST   /router/v1/leads/{lead_id}/retain                 ac
POST   /router/v1/leads/{lead_id}/reroute                ac
GET    /sla-timer/v1/policies                            a
PUT    /sla-timer/v1/policies                            a
GET    /sla-timer/v1/leads/{lead_id}                     acp
POST   /dealreg/v1/leads/{lead_id}/activities            acp
POST   /dealreg/v1/leads/{lead_id}/stage                 acp
POST   /dealreg/v1/leads/{lead_id}/opportunities         acp
POST   /dealreg/v1/leads/{lead_id}/deals                 acp
POST   /dealreg/v1/leads/{lead_id}/close                 acp
POST   /dealreg/v1/leads/{lead_id}/reopen                ac
GET    /dealreg/v1/leads/{lead_id}                       acp
POST   /dealreg/v1/deals                                 p
GET    /dealreg/v1/deals                                 acp
GET    /dealreg/v1/deals/{deal_id}                       acp
POST   /dealreg/v1/deals/{deal_id}/approve               ac
POST   /dealreg/v1/deals/{deal_id}/return                ac
POST   /dealreg/v1/deals/{deal_id}/reject                ac
POST   /dealreg/v1/deals/{deal_id}/amend                 ac
POST   /dealreg/v1/deals/{deal_id}/reopen                ac
POST   /dealreg/v1/deals/{deal_id}/win                   acp
POST   /dealreg/v1/deals/{deal_id}/lose                  acp
POST   /delivery/v1/endpoints                            ap
GET    /delivery/v1/endpoints                            ap
GET    /delivery/v1/endpoints/{endpoint_id}              ap
PATCH  /delivery/v1/endpoints/{endpoint_id}              ap
DELETE /delivery/v1/endpoints/{endpoint_id}              ap
GET    /delivery/v1/endpoints/{endpoint_id}/deliveries   ap
POST   /delivery/v1/endpoints/{endpoint_id}/replay       ap
POST   /delivery/v1/endpoints/{endpoint_id}/test         ap
GET    /attribution/v1/leads/{lead_id}                   acn
GET    /attribution/v1/revenue                           acpn
GET    /attribution/v1/facts                             an
"""
LETTERS = {"a": "admin", "c": "cam", "p": "partner", "n": "analyst"}
LISTS = [
    ("/ingest/v1/campaigns", "admin"),
    ("/router/v1/partners", "admin"),
    ("/router/v1/leads", "admin"),
    ("/router/v1/pool", "partner"),
    ("/dealreg/v1/deals", "admin"),
    ("/delivery/v1/endpoints", "admin"),
]


@dataclass(frozen=True)
class Route:
    """A path of the contract, and the roles that it is for; none where it has keys of its own."""

    method: str
    path: str
    roles: frozenset[str]

    def filled(self) -> str:
        """The path with ids that name nothing."""
        ids = {"lead_id": "lead", "partner_id": "ptr", "deal_id": "deal", "endpoint_id": "end", "campaign_id": "cmp"}
        made = {name: draw(prefix) for name, prefix in ids.items()}
        return self.path.format(vocabulary="industry", source_id=draw("src"), **made)


def route_of(line: str) -> Route:
    method, path, who = line.split()
    return Route(method, path, frozenset(LETTERS[each] for each in who) if who != "source" else frozenset())


CONTRACT = [route_of(line) for line in ROUTES.strip().splitlines()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_url: str) -> AsyncGenerator[Standing]:
    async with standing(postgres_url) as made:
        yield made


async def document(world: Standing, service: str) -> dict[str, Any]:
    return (await world.client.get(f"/{service}/openapi.json")).json()


async def test_every_path_is_there_and_described(world: Standing) -> None:
    described: dict[str, Any] = {}
    for service in world.bases:
        described |= (await document(world, service))["paths"]
    for route in CONTRACT:
        operation = described[route.path][route.method.lower()]
        assert operation.get("summary"), route
        assert bool(operation.get("security")) == bool(route.roles), route
        assert "application/problem+json" in operation["responses"]["default"]["content"], route
        if route.method in {"PUT", "PATCH"}:
            assert operation["requestBody"]["content"]["application/json"]["schema"], route


async def test_every_answer_is_described(world: Standing) -> None:
    undescribed: list[str] = []
    for service in world.bases:
        described = await document(world, service)
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                for status, answer in operation["responses"].items():
                    schemas = [each.get("schema") for each in answer.get("content", {}).values()]
                    if status.startswith("2") and status != "204" and not (schemas and all(schemas)):
                        undescribed.append(f"{method} {path} {status}")
                    undescribed += [f"{method} {path} {status}: {each}" for each in bare_lists(described, schemas)]
    assert undescribed == []


def bare_lists(described: Any, schemas: list[Any]) -> list[str]:
    """The pages whose items are not described."""
    pages = [
        described["components"]["schemas"][name] for each in schemas if (name := name_of(each)).startswith("Page_")
    ]
    lists = [page["properties"]["data"] for page in pages]
    return [f"{each} is of anything" for each in lists if not name_of(each["items"])]


def name_of(schema: Any) -> str:
    """The component that a schema refers to; empty where it refers to none."""
    return schema.get("$ref", "").rpartition("/")[2]


async def test_what_ingest_shows_is_as_it_describes_it(world: Standing) -> None:
    # `ask` and `call` compare each answer with its description.
    said = {"codes": ["shown"], "name": "Shown", "tactic": "print", "geography": "DACH"}
    campaign = await world.ask("POST", "/ingest/v1/campaigns", said)
    spent = {"amount": {"minor": 1, "currency": "EUR"}, "from": "2026-01-01", "to": "2026-01-31", "funded_by": "mdf"}
    await world.ask("POST", f"/ingest/v1/campaigns/{campaign['id']}/spend", spent)
    source = await world.ask("POST", "/ingest/v1/sources", {"name": "G", "kind": "google-ads", "campaign": "shown"})
    unreachable = (PAYLOADS / "google-ads.json").read_bytes().replace(b"@", b" at ")
    posted = f"/ingest/v1/sources/{source['id']}/leads"
    await world.ask("POST", posted, content=unreachable, headers={"X-Leadway-Key": source["key"]})
    email = "shown@klinik-shown.example"
    await world.capture(person={"email": email}, company={"domain": "klinik-shown.example"}, product="unheard of")
    words = [{"code": "imaging", "label": "Imaging", "aliases": ["PACS"]}]
    await world.ask("PUT", "/ingest/v1/vocabularies/product", words)
    for path, count in (
        ("/campaigns", 1),
        ("/sources", 2),
        (f"/sources/{source['id']}/held", 1),
        (f"/leads?email={email}", 1),
        ("/leads?domain=klinik-shown.example", 1),
    ):
        assert len((await world.ask("GET", f"/ingest/v1{path}"))["data"]) >= count, path
    assert (await world.ask("GET", "/ingest/v1/vocabularies/product"))["unmapped"]


async def test_a_streamed_fact_is_as_attribution_describes_it(world: Standing) -> None:
    await world.capture()
    await world.settled()
    described = await document(world, "attribution")
    answers = described["paths"]["/attribution/v1/facts"]["get"]["responses"]
    schema = answers["200"]["content"]["application/x-ndjson"]["schema"]
    lines = (await world.call("GET", "/attribution/v1/facts")).text.splitlines()
    assert lines
    assert [each for line in lines for each in faults(described, schema, json.loads(line))] == []


async def test_each_route_is_for_its_roles_and_no_other(world: Standing) -> None:
    partner = await world.partner("Anybody")
    wrong: list[tuple[str, str, str]] = []
    for route in CONTRACT:
        if not route.roles:
            continue
        bare = await world.client.request(route.method, route.filled(), json={})
        assert (bare.status_code, bare.json()["type"]) == (401, "/problems/unauthenticated"), route
        for role in ROLES:
            who: dict[str, Any] = {"partner": partner} if role == "partner" else {"role": role}
            body = {"colour": "red"} if route.method in {"POST", "PATCH", "PUT"} else None
            response = await world.call(route.method, route.filled(), body, **who)
            refused = response.status_code == 403 and response.json()["type"] == "/problems/forbidden"
            if refused != (role not in route.roles) or response.status_code >= 500:
                wrong.append((f"{route.method} {route.path}", role, response.text))
    assert wrong == []


async def test_what_names_nothing_is_not_found_with_a_problem(world: Standing) -> None:
    partner = await world.partner("Stranger")
    for route in CONTRACT:
        if route.method != "GET" or "{" not in route.path or "vocabulary" in route.path:
            continue
        who: dict[str, Any] = {"partner": partner} if "partner" in route.roles else {"role": "admin"}
        response = await world.call("GET", route.filled(), **who)
        assert response.status_code == 404, (route, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem.keys() >= {"type", "title", "status"}
        page = await world.client.get(problem["type"])
        assert page.status_code == 200
        assert problem["title"] in page.text


async def test_lists_are_paged_and_refuse_a_limit_beyond_theirs(world: Standing) -> None:
    partners = {await world.partner(f"Page {i}") for i in range(3)}
    one = next(iter(partners))
    for path, role in LISTS:
        who: dict[str, Any] = {"partner": one} if role == "partner" else {"role": role}
        found = (await world.call("GET", f"{path}?limit=1", **who)).json()
        assert found.keys() == {"data", "has_more"}, path
        refused = await world.call("GET", f"{path}?limit=100000", **who)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "query:limit"), path
    seen: list[str] = []
    while True:
        after = f"&starting_after={seen[-1]}" if seen else ""
        found = (await world.call("GET", f"/router/v1/partners?limit=2{after}")).json()
        seen += [each["id"] for each in found["data"]]
        if not found["has_more"]:
            break
    assert len(seen) == len(set(seen))
    assert partners <= set(seen)


async def test_an_edited_document_has_an_etag_and_a_stale_if_match_is_refused(world: Standing) -> None:
    partner = f"/router/v1/partners/{await world.partner('Edited')}"
    campaign = await world.ask("POST", "/ingest/v1/campaigns", {"codes": ["e1"], "name": "E", "tactic": "print"})
    made = {"url": "http://127.0.0.1:9/x", "types": ["*"]}
    endpoint = await world.ask("POST", "/delivery/v1/endpoints", made)
    await world.rules({"retain": {"queue": "here"}})
    for method, path, body in (
        ("PATCH", partner, {"tier": "silver"}),
        ("PATCH", f"/ingest/v1/campaigns/{campaign['id']}", {"name": "F"}),
        ("PATCH", f"/delivery/v1/endpoints/{endpoint['id']}", {"types": ["lead.assigned"]}),
        ("PUT", "/router/v1/rules", None),
        ("PUT", "/scoring/v1/model", None),
        ("PUT", "/sla-timer/v1/policies", None),
    ):
        read = await world.call("GET", path)
        tag = {"If-Match": read.headers["etag"]}
        # What is read may be put back as it is, and is then the same version still.
        changed = await world.call(method, path, body or read.json(), headers=tag)
        assert changed.status_code == 200, (path, changed.text)
        if read.headers["etag"] != '"0"':  # the version that is built in
            assert (changed.headers["etag"] == read.headers["etag"]) == (body is None), path
        stale = await world.call(method, path, body or read.json(), headers={"If-Match": '"99"'})
        assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-document"), path


async def test_a_key_repeats_the_answer_and_refuses_another_body(world: Standing) -> None:
    partner = await world.partner("Repeater")
    lead = await world.held(partner)
    money = {"minor": 100, "currency": "EUR"}
    brought = {"company": {"name": "Neu", "country": "DE"}, "name": "N", "amount": money}
    for path, body in (
        (f"/dealreg/v1/leads/{lead}/activities", {"kind": "call"}),
        (f"/dealreg/v1/leads/{lead}/opportunities", {"name": "O", "amount": money, "expected_close": "2027-01-01"}),
        ("/dealreg/v1/deals", brought),
        ("/delivery/v1/endpoints", {"url": "http://127.0.0.1:9/x", "types": ["*"]}),
    ):
        key = {"Idempotency-Key": secrets.token_hex(8)}
        first = await world.call("POST", path, body, partner=partner, headers=key)
        again = await world.call("POST", path, body, partner=partner, headers=key)
        assert (first.status_code, again.status_code) == (201, 201), (path, first.text, again.text)
        assert first.json() == again.json(), path
        other = await world.call("POST", path, {**body, "note": "x"}, partner=partner, headers=key)
        assert other.status_code == 422, path
    body = {"kind": "call"}
    path = f"/dealreg/v1/leads/{lead}/activities"
    key = {"Idempotency-Key": secrets.token_hex(8)}
    await world.call("POST", path, body, partner=partner, headers=key)
    reused = await world.call("POST", path, {"kind": "email"}, partner=partner, headers=key)
    assert reused.json()["type"] == "/problems/idempotency-key-reused"


async def test_a_command_names_every_bad_field_at_once(world: Standing) -> None:
    body = {"name": "", "tier": "gold", "colour": "red", "weight": 0, "capacity": {"open_leads": -1}}
    response = await world.call("POST", "/router/v1/partners", body)
    assert response.status_code == 422
    assert {each["pointer"] for each in response.json()["errors"]} == {
        "#/name",
        "#/colour",
        "#/weight",
        "#/capacity/open_leads",
    }
    absent = {"name": "Nulls", "tier": "gold", "cam": None, "capacity": None, "weight": None}
    assert (await world.call("POST", "/router/v1/partners", absent)).status_code == 201, "null means absent"


async def test_durations_are_iso_8601_and_instants_utc(world: Standing) -> None:
    clock = {"clock": "accept", "within": "PT4H", "remind_at": [0.5, 0.8], "on_breach": "alert"}
    await world.ask("PUT", "/sla-timer/v1/policies", {"policies": [{"name": "four", "clocks": [clock]}]})
    read = await world.ask("GET", "/sla-timer/v1/policies")
    assert read["policies"][0]["clocks"] == [clock]
    partner = await world.partner("Timed")
    pool = {"pool": {"method": "shark_tank", "among": {"partners": [partner]}, "claim_within": "P1DT12H"}}
    await world.rules(pool)
    rules = await world.ask("GET", "/router/v1/rules")
    assert rules["rules"][0]["then"][0]["pool"]["claim_within"] == "P1DT12H"
    wrong = {"policies": [{"name": "w", "clocks": [{**clock, "within": "4 hours"}]}]}
    refused = await world.call("PUT", "/sla-timer/v1/policies", wrong)
    assert refused.json()["errors"][0]["pointer"] == "#/policies/0/clocks/0/within"
    lead = await world.capture()
    assert (await world.routed(lead, "pooled"))["since"].endswith("Z")


async def test_a_lead_and_its_deal_have_the_fields_of_the_contract(world: Standing) -> None:
    partner = await world.partner("Fields")
    lead = await world.held(partner, product="imaging")
    seen = await world.ask("GET", f"/router/v1/leads/{lead}", partner=partner)
    assert seen.keys() >= {"lead_id", "state", "owner", "assignment_id", "rule", "rules_version", "since", "history"}
    money = {"minor": 1250000, "currency": "EUR"}
    body = {"name": "O", "amount": money, "expected_close": "2027-01-01"}
    path = f"/dealreg/v1/leads/{lead}"
    opportunity = await world.ask("POST", f"{path}/opportunities", body, partner=partner, expect=201)
    assert opportunity["opportunity_id"].startswith("opp_")
    chosen = {"opportunity_id": opportunity["opportunity_id"]}
    deal = await world.ask("POST", f"{path}/deals", chosen, partner=partner, expect=201)
    inherited = {"company", "company_id", "person_id", "partner_id", "product", "amount", "registration", "outcome"}
    assert deal.keys() >= {"deal_id", "lead_id", *inherited}
    assert (deal["amount"], deal["registration"], deal["outcome"]) == (money, "submitted", "open")
    working = await world.working(lead, partner)
    assert working.keys() >= {"person", "company", "touches", "score", "clocks", "activities", "deals"}
    score = await world.ask("GET", f"/scoring/v1/leads/{lead}", role="analyst")
    assert score.keys() >= {"score", "fit", "engagement", "as_of", "contributions", "status"}
    [clock, *_] = await world.clocks(lead)
    assert clock.keys() >= {"clock", "assignment_id", "policy", "started_at", "due_at", "reminders", "status"}


async def test_the_front_page_names_the_services_and_their_docs(world: Standing) -> None:
    front = (await world.client.get("/")).json()
    assert {each["service"] for each in front["services"]} == set(world.bases)
    for each in front["services"]:
        page = await world.client.get(each["docs"])
        assert page.status_code == 200
        assert "https://" not in page.text.replace("https://www.w3.org", ""), "the docs work offline"
    for path in ("/healthz", "/readyz", "/metrics", "/problems"):
        assert (await world.client.get(path)).status_code == 200

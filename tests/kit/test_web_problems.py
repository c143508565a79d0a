"""Every way in which a request can be wrong, and the problem that says so."""

from __future__ import annotations

import html
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, Query
from pydantic import Field

from leadway.decider import Fault, Refusal, StaleDocument
from leadway.stage import IdempotencyKeyReused, Lagging, LeadParked, OutcomeUnknown, Overloaded, Unavailable
from leadway.web import (
    Caller,
    Command,
    Instant,
    TokenVerifier,
    create_app,
    issue_token,
    problem_of,
    public,
    require,
)

KEY = b"0123456789abcdef0123456789abcdef"
ADMIN = {"Authorization": f"Bearer {issue_token(KEY, role='admin', subject='ada')}"}


class Person(Command):
    email: Annotated[str, Field(min_length=3)]
    phone: str | None = None


class Assign(Command):
    method: Literal["round_robin"]


class Pool(Command):
    within: Annotated[int, Field(ge=1)]


class Capture(Command):
    person: Person
    occurred_at: Instant | None = None
    employees: int = 0
    ratio: float = 0.0
    note: Annotated[str, Field(min_length=1)] | None = None
    steps: Annotated[list[Assign | Pool], Field(default_factory=list)]
    fields: Annotated[dict[str, Any], Field(default_factory=dict)]


class AlreadyTaken(Refusal):
    """The thing in this test is taken.

    Somebody was quicker.

    Take `another` one, <not> this.
    """

    slug = "taken-in-this-test"


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/things/v1/captures")
    async def capture(body: Capture, caller: Annotated[Caller, require("admin", "cam")]) -> dict[str, Any]:
        return body.model_dump(mode="json", exclude_unset=True)

    @router.get("/things/v1/numbers/{number}", dependencies=[public("a test")])
    async def number(number: int, limit: Annotated[int, Query(ge=1, le=200)] = 1) -> int:
        return number * limit

    @router.get("/things/v1/taken", dependencies=[public("a test")])
    async def taken() -> None:
        raise AlreadyTaken("by somebody", [Fault("#/thing", "is taken")], thing_id="thing_1")

    @router.get("/things/v1/broken", dependencies=[public("a test")])
    async def broken() -> None:
        raise RuntimeError("someone@example.com broke it")

    return router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        service="things",
        prefix="things",
        title="Things",
        version="1",
        routers=[routes()],
        tokens=TokenVerifier.for_key(KEY),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made:
        yield made


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (response.status_code, document["status"], document["type"]) == (status, status, f"/problems/{slug}")
    assert document["title"]
    return document


def faults(document: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["detail"] for error in document["errors"]}


async def capture(client: httpx.AsyncClient, body: object) -> httpx.Response:
    # Written as ASCII, so that half a surrogate pair travels as it would from a careless client.
    content = json.dumps(body).encode("ascii")
    return await client.post(
        "/things/v1/captures", content=content, headers={**ADMIN, "Content-Type": "application/json"}
    )


async def test_a_good_request_passes(client: httpx.AsyncClient) -> None:
    response = await capture(client, {"person": {"email": "a@b.example"}, "fields": {"size": [1, {"x": "y"}]}})
    assert response.status_code == 200
    assert response.json() == {"person": {"email": "a@b.example"}, "fields": {"size": [1, {"x": "y"}]}}


async def test_every_bad_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    response = await capture(
        client,
        {
            "person": {"email": 7, "nick/name": "x", "middle~name": "y"},
            "occurred_at": "2026-03-01T12:00:00",
            "employees": "many",
            "colour": "red",
        },
    )
    assert faults(problem(response, 422, "invalid-request")) == {
        "#/person/email": "must be a text",
        "#/person/nick~1name": "is not a field that is known here",
        "#/person/middle~0name": "is not a field that is known here",
        "#/occurred_at": "must name its time zone, such as 2026-03-01T12:00:00Z",
        "#/employees": "must be a whole number",
        "#/colour": "is not a field that is known here",
    }


async def test_a_missing_field_is_named_where_it_should_be(client: httpx.AsyncClient) -> None:
    assert faults(problem(await capture(client, {}), 422, "invalid-request")) == {"#/person": "is required"}
    assert faults(problem(await capture(client, {"person": {}}), 422, "invalid-request")) == {
        "#/person/email": "is required"
    }


async def test_null_means_absent(client: httpx.AsyncClient) -> None:
    person = {"email": "a@b.example", "phone": None}
    response = await capture(client, {"person": person, "employees": None, "colour": None, "fields": {"a": None}})
    assert response.json() == {"person": {"email": "a@b.example"}, "fields": {}}
    refused = await capture(client, {"person": {"email": None}})
    assert faults(problem(refused, 422, "invalid-request")) == {"#/person/email": "is required"}


async def test_what_cannot_be_stored_is_refused_where_it_is_beside_everything_else(client: httpx.AsyncClient) -> None:
    response = await capture(
        client,
        {
            "person": {"email": "a\0b@c.example", "phone": "\ud800"},
            "employees": "many",
            "ratio": float("nan"),
            "fields": {"deep": [{"name": "x\0"}], "endless": float("inf"), "bad\0name": 1},
        },
    )
    unusable = "holds a character that cannot be stored (NUL or half a surrogate pair)"
    assert faults(problem(response, 422, "invalid-request")) == {
        "#/person/email": unusable,
        "#/person/phone": unusable,
        "#/fields/deep/0/name": unusable,
        "#/fields/endless": "must be a finite number",
        "#/ratio": "must be a finite number",
        "#/fields": "has a field whose name holds a character that cannot be stored",
        "#/employees": "must be a whole number",
    }


async def test_what_cannot_be_stored_is_one_fault_whatever_is_left_without_it(client: httpx.AsyncClient) -> None:
    body = {"person": {"e\0mail": 1}, "note": "\ud800", "steps": [{"method": "\0round_robin!"}], "employees": "x"}
    errors = problem(await capture(client, body), 422, "invalid-request")["errors"]
    found = [error["pointer"] for error in errors if error["pointer"] != "#/steps/0/within"]  # the union's other branch
    assert found == ["#/person", "#/note", "#/steps/0/method", "#/person/email", "#/employees"]


async def test_an_instant_is_given_in_utc_and_within_the_years_that_can_be_reckoned_with(
    client: httpx.AsyncClient,
) -> None:
    person = {"email": "abc"}
    for said, given in (
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("9999-01-01T11:00:00+14:00", "9998-12-31T21:00:00Z"),
    ):
        assert (await capture(client, {"person": person, "occurred_at": said})).json()["occurred_at"] == given
    for said in ("1970-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        document = problem(await capture(client, {"person": person, "occurred_at": said}), 422, "invalid-request")
        assert faults(document) == {"#/occurred_at": "must be in the years 1970 to 9998, in UTC"}
    document = problem(
        await capture(client, {"person": person, "occurred_at": "2026-01-01T00:00:00"}), 422, "invalid-request"
    )
    assert set(faults(document)) == {"#/occurred_at"}


async def test_a_pointer_names_what_was_sent_not_the_branches_of_a_union(client: httpx.AsyncClient) -> None:
    response = await capture(client, {"person": {"email": "abc"}, "steps": [{"within": 0}]})
    found = faults(problem(response, 422, "invalid-request"))
    assert found["#/steps/0/within"]
    assert set(found) == {"#/steps/0/within", "#/steps/0/method"}


async def test_the_number_of_named_faults_is_bounded(client: httpx.AsyncClient) -> None:
    body = {"person": {"email": "abc"}, **{f"field{index}": 1 for index in range(150)}}
    document = problem(await capture(client, body), 422, "invalid-request")
    assert document["detail"] == "150 fields are not valid. The first 100 are named."
    assert len(document["errors"]) == 100


async def test_nesting_is_bounded(client: httpx.AsyncClient) -> None:
    nested: Any = 1
    for _ in range(100):
        nested = {"a": nested}
    document = problem(await capture(client, {"person": {"email": "abc"}, "fields": nested}), 422, "invalid-request")
    assert "nested deeper than 32" in document["errors"][0]["detail"]
    content = b'{"fields": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    headers = {**ADMIN, "Content-Type": "application/json"}
    problem(await client.post("/things/v1/captures", content=content, headers=headers), 400, "malformed-json")


@pytest.mark.parametrize("body", [None, 7, "text", [1]])
async def test_a_body_of_another_shape_is_refused_as_a_whole(client: httpx.AsyncClient, body: object) -> None:
    assert set(faults(problem(await capture(client, body), 422, "invalid-request"))) == {"#"}


async def test_malformed_json_is_refused_with_its_position(client: httpx.AsyncClient) -> None:
    headers = {**ADMIN, "Content-Type": "application/json; charset=utf-8"}
    response = await client.post("/things/v1/captures", content='{\n  "person": oops}', headers=headers)
    document = problem(response, 400, "malformed-json")
    assert (document["line"], document["column"], document["offset"]) == (2, 13, 14)
    assert "line 2, column 13" in document["detail"]


@pytest.mark.parametrize("content", [b'{"a": "\xff\xfe"}', b"\xff"])
async def test_json_that_is_not_utf_8_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {**ADMIN, "Content-Type": "application/json"}
    problem(await client.post("/things/v1/captures", content=content, headers=headers), 400, "malformed-json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_media_type_is_refused(client: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {**ADMIN, "Content-Type": media_type} if media_type else ADMIN
    response = await client.post("/things/v1/captures", content=b"{}", headers=headers)
    assert "application/json" in problem(response, 415, "unsupported-media-type")["detail"]


async def test_an_unknown_address_or_method_is_a_problem_too(client: httpx.AsyncClient) -> None:
    problem(await client.get("/things/v1/nothing"), 404, "not-found")
    problem(await client.get("/elsewhere"), 404, "not-found")
    problem(await client.get("/things/v1/taken/"), 404, "not-found")
    response = await client.delete("/things/v1/captures")
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


async def test_an_id_of_the_wrong_form_names_nothing(client: httpx.AsyncClient) -> None:
    problem(await client.get("/things/v1/numbers/seven"), 404, "not-found")


async def test_a_bad_query_parameter_is_named(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/v1/numbers/7?limit=0")
    assert set(faults(problem(response, 422, "invalid-request"))) == {"query:limit"}


async def test_a_service_s_own_refusal_says_what_it_carries(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/things/v1/taken"), 409, "taken-in-this-test")
    assert document == {
        "type": "/problems/taken-in-this-test",
        "title": "The thing in this test is taken",
        "status": 409,
        "detail": "by somebody",
        "errors": [{"pointer": "#/thing", "detail": "is taken"}],
        "thing_id": "thing_1",
    }


async def test_what_breaks_inside_is_answered_without_a_word_about_it(client: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = await client.get("/things/v1/broken", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    document = problem(response, 500, "internal-error")
    assert document["trace_id"] == trace
    assert "example.com" not in response.text


@pytest.mark.parametrize("kind", [Overloaded, Unavailable, Lagging, OutcomeUnknown, LeadParked])
def test_what_may_pass_says_when_to_come_again(kind: type[Refusal]) -> None:
    made = problem_of(kind())
    assert made.status == 503
    assert int(made.headers["Retry-After"]) >= 1


def test_conflicts_with_documents_and_keys_have_their_own_status() -> None:
    assert problem_of(StaleDocument()).status == 412
    assert problem_of(IdempotencyKeyReused()).status == 422


async def test_every_kind_has_a_page(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/problems")).text
    for slug, kind in Refusal.kinds().items():
        page = await client.get(f"/problems/{slug}")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert kind.title().split("`")[0] in html.unescape(page.text)
        assert kind.meaning(), f"{slug} does not say what to do"
        assert f"/problems/{slug}" in listed
    problem(await client.get("/problems/no-such-problem"), 404, "not-found")


async def test_a_page_shows_code_as_code_and_escapes_the_rest(client: httpx.AsyncClient) -> None:
    page = (await client.get("/problems/taken-in-this-test")).text
    assert "<p>Somebody was quicker.</p>" in page
    assert "<code>another</code> one, &lt;not&gt; this." in page

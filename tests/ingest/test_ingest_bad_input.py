"""What is wrong with a submission is said with a pointer, and nothing of it is kept; what is right beside it is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from leadway.ingest.api import CSV_BYTES_MAX
from leadway.ingest.app import SERVICE
from leadway.stage.runtime import GateLimits, RuntimeLimits
from leadway.testing.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
KIB = 1024
GOOD = {"person": {"email": "good@company.example"}}
YES = {"purpose": "marketing", "granted": True}


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def sources(desk: Any) -> None:
    """Made beforehand, so that making them is no change that a test sees."""
    for kind in ("native", "hubspot-form", "segment-track", "google-ads", "csv"):
        await desk.known_source(kind)


@pytest_asyncio.fixture(loop_scope="module")
async def unchanged(desk: Any) -> AsyncGenerator[None]:
    """Nothing is half-written: no row, no fact."""
    before = await desk.counted()
    yield
    assert await desk.counted() == before


def pointers(problem: Any) -> set[str]:
    assert problem["title"]
    assert all(each["detail"] for each in problem["errors"])
    return {each["pointer"] for each in problem["errors"]}


@pytest.mark.parametrize("body", [b"", b"{", b"{'person': 1}", b'{"person": ', b"\xff\xfe{", b"[" * 5000])
@pytest.mark.parametrize("kind", ["native", "hubspot-form", "segment-track"])
async def test_what_is_no_json_is_not_read(desk: Any, unchanged: None, kind: str, body: bytes) -> None:
    source = await desk.known_source(kind)
    answer = await source.post(body)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/unreadable-payload")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"#/person"}),
        ([], {"#"}),
        ({"person": {}}, {"#/person/email"}),
        ({"person": {"email": None}}, {"#/person/email"}),
        ({"person": {"email": " "}}, {"#/person/email"}),
        ({"person": {"email": "nobody at all"}}, {"#/person/email"}),
        ({"person": {"email": 5}, "product": []}, {"#/person/email", "#/product"}),
        ({**GOOD, "nickname": "x", "company": {"vat/id": 1}}, {"#/nickname", "#/company/vat~1id"}),
        ({**GOOD, "occurred_at": "yesterday", "touch": {"kind": "Form!"}}, {"#/occurred_at", "#/touch/kind"}),
        ({**GOOD, "consent": [{"purpose": "spam", "granted": "yes"}]}, {"#/consent/0/purpose", "#/consent/0/granted"}),
        ({**GOOD, "consent": [{**YES, "at": "0001-01-01T00:00:00+14:00"}]}, {"#/consent/0/at"}),
        ({**GOOD, "consent": [{**YES, "at": "9999-12-31T23:59:59-14:00"}], "product": 5}, {"#/product"}),
        ({**GOOD, "occurred_at": "0001-01-01T00:00:00+14:00"}, {"#/occurred_at"}),
        ({**GOOD, "occurred_at": "9999-12-31T23:59:59-14:00"}, {"#/occurred_at"}),
        ({"person": {"email": "a@b.example", "first_name": "A\0"}}, {"#/person/first_name"}),
    ],
)
async def test_every_fault_of_a_native_submission_has_its_pointer(
    desk: Any, unchanged: None, body: Any, expected: set[str]
) -> None:
    answer = await (await desk.known_source("native")).post(body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert pointers(answer.json()) == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("hubspot-form", {"fields": "email"}, {"#/fields"}),
        ("google-ads", {"user_column_data": {}}, {"#/lead_id", "#/user_column_data"}),
        ("segment-track", {"type": "throw"}, {"#/type"}),
        ("segment-track", {"type": "track"}, {"#/event"}),
    ],
)
async def test_what_has_not_the_shape_of_its_tool_is_refused(
    desk: Any, unchanged: None, kind: str, body: Any, expected: set[str]
) -> None:
    answer = await (await desk.known_source(kind)).post(body)
    assert answer.status_code == 422
    assert pointers(answer.json()) == expected


@pytest.mark.parametrize("email", [None, "none", "a@b@c"])
async def test_a_tools_payload_without_a_usable_email_is_held_not_refused(desk: Any, email: str | None) -> None:
    columns = [{"column_id": "FULL_NAME", "string_value": "Dana"}]
    columns += [{"column_id": "EMAIL", "string_value": email}] if email else []
    before = await desk.counted()
    answer = await (await desk.known_source("google-ads")).post(
        {"lead_id": f"held-{email}", "user_column_data": columns, "is_test": False}
    )
    assert (answer.status_code, answer.headers["leadway-outcome"]) == (200, "held")
    assert await desk.counted() == before | {"held": before["held"] + 1}


@pytest.mark.parametrize("headers", [{}, {"X-Leadway-Key": "wrong-key"}, {"Authorization": "Bearer x"}])
@pytest.mark.parametrize("kind", ["native", "csv", "google-ads"])
async def test_without_the_sources_key_nothing_is_taken(
    desk: Any, unchanged: None, kind: str, headers: dict[str, str]
) -> None:
    answer = await (await desk.known_source(kind)).post(GOOD, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/source-key-needed")
    assert answer.json()["title"] == "The key of the source is needed"
    assert ("google_key" in answer.json()["detail"]) == (kind == "google-ads")
    assert "Bearer" not in answer.headers["www-authenticate"]
    query = await (await desk.known_source(kind)).post(GOOD, headers=headers, query="?key=wrong")
    assert query.status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "slug"), [(b"{", 400, "unreadable-payload"), (b'"text"', 422, "invalid-request")]
)
async def test_where_a_body_could_hold_no_key_the_body_is_what_is_wrong(
    desk: Any, unchanged: None, body: bytes, status: int, slug: str
) -> None:
    source = await desk.known_source("google-ads")
    answer = await source.post(body, headers={})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    with_key = await source.post(body, headers={"X-Leadway-Key": "wrong-key"})
    assert with_key.status_code == 401


async def test_an_unknown_source_is_not_there(desk: Any, unchanged: None) -> None:
    answer = await desk.served.client.post("/ingest/v1/sources/src_none/leads", json=GOOD)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    for path in ("/sources/src_none/held", "/leads/lead_none", "/campaigns/cmp_none", "/vocabularies/colour"):
        assert (await desk.ask("GET", path, expect=404))["type"] == "/problems/not-found"
    await desk.ask("PATCH", "/campaigns/cmp_none", {"name": "x"}, expect=404)


async def test_a_body_over_the_limit_is_refused_however_it_comes(desk: Any, unchanged: None) -> None:
    source = await desk.known_source("native")
    large = b'{"product": "' + b"x" * 256 * KIB + b'"}'

    async def in_parts() -> AsyncGenerator[bytes]:
        for at in range(0, len(large), 8 * KIB):
            yield large[at : at + 8 * KIB]

    headers = {"X-Leadway-Key": source.key}
    for content in (large, in_parts()):
        answer = await desk.served.client.post(source.path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")
        assert answer.json()["bytes_max"] == 256 * KIB
    file = await desk.known_source("csv")
    headers = {"X-Leadway-Key": file.key}
    answer = await desk.served.client.post(file.path, content=b" " * (CSV_BYTES_MAX + 1), headers=headers)
    assert (answer.status_code, answer.json()["bytes_max"]) == (413, CSV_BYTES_MAX)
    token = desk.served.bearer("admin")
    large_command = {"codes": ["c"], "name": "x" * 300 * KIB, "tactic": "t"}
    answer = await desk.served.client.post("/ingest/v1/campaigns", json=large_command, headers=token)
    assert answer.status_code == 413


async def test_a_file_may_be_larger_than_other_bodies(desk: Any) -> None:
    source = await desk.known_source("csv")
    note = "x" * 7_000
    rows = [f"{desk.somebody()},{note}" for _ in range(60)]
    answer = await source.post("\n".join(["email,notes", *rows]).encode())
    assert answer.status_code == 200
    assert {each["outcome"] for each in answer.json()["results"]} == {"captured"}


async def test_the_good_rows_of_a_file_are_kept(desk: Any) -> None:
    source = await desk.known_source("csv")
    one, two, three = (desk.somebody() for _ in range(3))
    rows = [
        "E-Mail;Vorname;Firma;Notiz",
        f"{one};Jörg;Köhler AG;kommt wieder",
        f"{desk.somebody()};=HYPERLINK(1);Firma;",
        f'{desk.somebody()};"nie geschlossen;Firma;',
        ";Ohne;Adresse;",
        "keine-adresse;A;B;",
        f"{desk.somebody()};zu;viele;zellen;hier",
        f"{two};Zoë;Müller & Söhne;",
        "",
        f"{three};Ann;-;",
    ]
    before = await desk.counted()
    answer = await source.post("\r\n".join(rows).encode("cp1252"))
    assert answer.status_code == 200
    results = {each["row"]: each for each in answer.json()["results"]}
    assert [results[row]["outcome"] for row in (1, 2, 3, 4, 5, 6, 7, 9)] == [
        "captured",
        *["refused"] * 5,
        "captured",
        "captured",
    ]
    assert len(results) == 8
    wrong = {row: {each["pointer"] for each in results[row]["errors"]} for row in (2, 3, 4, 5, 6)}
    assert wrong == {
        2: {"#/rows/2/Vorname"},
        3: {"#/rows/3"},
        4: {"#/rows/4/E-Mail"},
        5: {"#/rows/5/E-Mail"},
        6: {"#/rows/6"},
    }
    read = await desk.ask("GET", f"/leads/{results[7]['lead_id']}")
    assert (read["person"]["first_name"], read["company"]["name"]) == ("Zoë", "Müller & Söhne")
    after = await desk.counted()
    assert after["leads"] == before["leads"] + 3
    assert after["facts"] == before["facts"] + 3
    assert after["held"] == before["held"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "sep=|"])
async def test_a_file_is_read_in_any_usual_encoding_and_with_any_usual_delimiter(
    desk: Any, encoding: str, delimiter: str
) -> None:
    source, email = await desk.known_source("csv"), desk.somebody()
    hint, sign = (f"{delimiter}\n", "|") if delimiter.startswith("sep=") else ("", delimiter)
    text = hint + sign.join(("Prénom", "Courriel")) + "\n" + sign.join(("Zoë", email)) + "\n"
    answer = await source.post(text.encode(encoding))
    (result,) = answer.json()["results"]
    assert result["outcome"] == "captured", result
    read = await desk.ask("GET", f"/leads/{result['lead_id']}")
    assert read["person"] == {"email": email, "first_name": "Zoë"}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"", 422, {"#/header"}),
        (b"name,company\nA,B\n", 422, {"#/header"}),
        (b"a~b~email\n1~2~x@y.example\n", 422, {"#/header"}),
        (b"\xff\xfee\x00m\x00\x00\xd8", 400, None),
    ],
)
async def test_a_file_that_is_no_table_of_people_is_refused_whole(
    desk: Any, unchanged: None, body: bytes, status: int, expected: set[str] | None
) -> None:
    answer = await (await desk.known_source("csv")).post(body)
    assert answer.status_code == status, answer.text
    if expected is not None:
        assert pointers(answer.json()) == expected


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/campaigns", {"codes": [], "name": 5, "colour": "red"}, {"#/codes", "#/name", "#/tactic", "#/colour"}),
        ("/sources", {"name": "x", "kind": "fax"}, {"#/kind"}),
        ("/sources", {"name": "x", "kind": "native", "origins": ["https://a.example/path"]}, {"#/origins/0"}),
        ("/sources", {"name": "x", "kind": "native", "campaign": "none-such"}, {"#/campaign"}),
        ("/sources", {"name": "x", "kind": "csv", "map": {"fields": {"A/B": "shoe"}}}, {"#/map/fields/A~1B"}),
        ("/sources", {"name": "x", "kind": "native", "origin": "partner"}, {"#/partner_id"}),
        (
            "/sources",
            {"name": "x", "kind": "native", "origin": "partner", "campaign": "no"},
            {"#/partner_id", "#/campaign"},
        ),
        ("/sources", {"name": "x", "kind": "native", "partner_id": "ptr_none"}, {"#/partner_id"}),
        ("/campaigns", {"codes": ["x"], "name": "x", "tactic": "x", "partner_id": "ptr_none"}, {"#/partner_id"}),
    ],
)
async def test_what_an_admin_sends_is_checked_whole(
    desk: Any, unchanged: None, path: str, body: Any, expected: set[str]
) -> None:
    assert pointers(await desk.ask("POST", path, body, expect=422)) == expected


async def test_a_vocabulary_means_one_thing_with_each_word(desk: Any, unchanged: None) -> None:
    entries = [
        {"code": "a", "label": "Apples", "aliases": ["Fruit"]},
        {"code": "b", "label": "Bananas", "aliases": ["fruit"]},
        {"code": "a", "label": "Again"},
    ]
    problem = await desk.ask("PUT", "/vocabularies/product", entries, expect=422)
    assert pointers(problem) == {"#/1/aliases/0", "#/2/code"}
    not_a_list = await desk.ask("PUT", "/vocabularies/product", {"code": "a"}, expect=422)
    assert pointers(not_a_list) == {"#"}


async def test_too_much_at_once_is_told_to_come_back_and_what_was_promised_is_there(database: str) -> None:
    limits = RuntimeLimits(gate=GateLimits(queue_max=5))
    async with serving(SERVICE, database, limits=limits) as served:
        admin = served.bearer("admin")
        made = (
            await served.client.post("/ingest/v1/sources", json={"name": "x", "kind": "native"}, headers=admin)
        ).json()
        path, key = f"/ingest/v1/sources/{made['id']}/leads", {"X-Leadway-Key": made["key"]}
        bodies = [{"person": {"email": f"{secrets.token_hex(4)}@busy.example"}} for _ in range(60)]
        answers = await asyncio.gather(*(served.client.post(path, json=body, headers=key) for body in bodies))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {202, 503}
        for answer in answers:
            if answer.status_code == 503:
                assert answer.json()["type"] == "/problems/overloaded"
                assert int(answer.headers["retry-after"]) >= 1
        page = await served.client.get("/ingest/v1/leads?domain=busy.example&limit=200", headers=admin)
        taken = {answer.json()["lead_id"] for answer in answers if answer.status_code == 202}
        assert {each["lead_id"] for each in page.json()["data"]} == taken

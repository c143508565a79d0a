"""Leads over HTTP on a real database and log: who is new, who is known, and what tools, browsers and admins see."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from leadway.facts.dealreg import LeadClosed, LeadReopened
from leadway.facts.ingest import LeadCaptured, LeadTouched
from leadway.facts.router import PartnerChanged
from leadway.hosting import rebuild
from leadway.testing.serving import eventually
from leadway.web import issue_token

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAYLOADS = Path(__file__).parents[1] / "fixtures" / "payloads"
PAGE = "https://www.vendor.example"


async def test_a_new_person_is_a_lead_and_is_read_back(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    said = {
        "person": {"first_name": "Marta", "phone": "+48 22 555 01 00"},
        "company": {"name": "Szpital", "domain": "https://www.szpital-wolski.example/x", "country": "Polska"},
        "fields": {"sites": 3},
    }
    made = await source.lead(f" {email.upper()} ", **said)
    assert made["outcome"] == "captured"
    read = await desk.ask("GET", f"/leads/{made['lead_id']}")
    assert read["person"] == {"email": email, "first_name": "Marta", "phone": "+48225550100"}
    assert read["company"] == {"name": "Szpital", "domain": "szpital-wolski.example", "country": "PL"}
    assert (read["state"], read["touches"], read["fields"]) == ("open", 1, {"sites": "3"})
    (fact,) = await desk.served.said(made["lead_id"], "lead.captured")
    assert fact.actor == f"source:{source.id}"
    assert isinstance(fact.data, LeadCaptured)
    assert email not in repr(fact.data.company)


async def test_a_known_person_touches_its_open_lead(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    first = await source.lead(email)
    second = await source.lead(email, touch={"kind": "content.downloaded", "asset": "Buyer's guide"}, product="VNA")
    assert second == {"lead_id": first["lead_id"], "outcome": "touched"}
    _, fact = await desk.served.said(first["lead_id"], "lead.captured", "lead.touched")
    assert isinstance(fact.data, LeadTouched)
    assert (fact.data.touch.kind, fact.data.touch.asset) == ("content.downloaded", "buyer-s-guide")
    assert fact.data.product is not None, "a lead that named no product takes the first one"


async def test_another_product_is_another_lead_of_the_same_person(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    vna = await source.lead(email, product="VNA")
    pacs = await source.lead(email, product="PACS")
    assert pacs["outcome"] == "captured"
    first, second = [await desk.ask("GET", f"/leads/{each['lead_id']}") for each in (vna, pacs)]
    assert second["person_id"] == first["person_id"]
    assert (first["previous_lead_id"], second["previous_lead_id"]) == (None, vna["lead_id"])
    assert (await source.lead(email, product="vna"))["lead_id"] == vna["lead_id"]
    engaged = await source.lead(email, touch={"kind": "email.opened"})
    assert engaged == {"lead_id": pacs["lead_id"], "outcome": "touched"}, "engagement goes to the youngest open lead"


async def test_after_its_lead_closed_a_person_is_a_new_lead(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    first = (await source.lead(email))["lead_id"]
    await desk.served.tell(first, LeadClosed(lead_id=first, outcome="lost"))
    await desk.served.said(first, "lead.captured", "interest.closed")
    again = await source.lead(email)
    assert again["outcome"] == "captured"
    read = await desk.ask("GET", f"/leads/{again['lead_id']}")
    assert read["previous_lead_id"] == first
    assert (await desk.ask("GET", f"/leads/{first}"))["state"] == "closed"
    await desk.served.tell(first, LeadReopened(lead_id=first))
    await desk.served.said(first, "lead.captured", "interest.closed", "interest.reopened")
    assert (await desk.ask("GET", f"/leads/{first}"))["state"] == "open"


async def test_a_submission_seen_before_is_answered_with_its_lead_and_says_nothing(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    first = await source.lead(email, submission_id="form-1")
    other = await source.lead(desk.somebody(), submission_id="form-1")
    assert other == {"lead_id": first["lead_id"], "outcome": "duplicate"}
    assert (await source.lead(email, submission_id="form-1"))["outcome"] == "duplicate"
    await desk.served.said(first["lead_id"], "lead.captured")
    elsewhere = await desk.source()
    assert (await elsewhere.lead(email, submission_id="form-1"))["outcome"] == "touched", "an id is its source's own"


async def test_submissions_of_one_moment_make_one_lead(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    answers = await asyncio.gather(*(source.lead(email) for _ in range(20)))
    assert sorted(each["outcome"] for each in answers) == ["captured"] + ["touched"] * 19
    assert len({each["lead_id"] for each in answers}) == 1
    same = await asyncio.gather(*(source.lead(desk.somebody(), submission_id="at-once") for _ in range(10)))
    assert sorted(each["outcome"] for each in same) == ["captured"] + ["duplicate"] * 9
    assert len({each["lead_id"] for each in same}) == 1


async def test_a_test_is_checked_and_leaves_nothing(desk: Any) -> None:
    source, google = await desk.source(), await desk.source("google-ads", key="set-in-the-source")
    before = await desk.counted()
    answer = await source.post({"test": True, "person": {"email": desk.somebody()}})
    assert (answer.status_code, answer.json()) == (202, {"outcome": "test"})
    assert (await source.post({"test": True, "person": {"email": "nobody"}})).status_code == 422
    payload = json.loads((PAYLOADS / "google-ads.json").read_bytes())
    for columns in (payload["user_column_data"], [{"column_id": "FULL_NAME", "string_value": "Test"}]):
        sent = payload | {"is_test": True, "lead_id": "a-test", "user_column_data": columns}
        answer = await google.post(sent, headers={})
        assert (answer.status_code, answer.json(), answer.headers["leadway-outcome"]) == (200, {}, "test")
    assert await desk.counted() == before


async def test_the_same_idempotency_key_gives_the_same_answer(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    headers = {"X-Leadway-Key": source.key, "Idempotency-Key": "one-request"}
    body = {"person": {"email": email}}
    first, again = await source.post(body, headers=headers), await source.post(body, headers=headers)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    await desk.served.said(first.json()["lead_id"], "lead.captured")
    other = await source.post(body | {"product": "VNA"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_google_puts_its_key_into_the_body(desk: Any) -> None:
    source = await desk.source("google-ads", key="set-in-the-source")
    payload = (PAYLOADS / "google-ads.json").read_bytes()
    answer = await source.post(payload, headers={})
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["leadway-outcome"] == "captured"
    read = await desk.ask("GET", f"/leads/{answer.headers['leadway-lead']}")
    assert read["person"]["email"] == "dana.whitfield@bluecreek-credit.example"
    again = await source.post(payload, headers={})
    assert again.headers["leadway-outcome"] == "duplicate"
    wrong = await source.post(payload.replace(b"set-in-the-source", b"set-elsewhere-too"), headers={})
    assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/source-key-needed")


async def test_segment_sends_its_key_as_the_user_of_basic_auth(desk: Any) -> None:
    source = await desk.source("segment-track")
    basic = {"Authorization": "Basic " + base64.b64encode(f"{source.key}:".encode()).decode()}
    payload = (PAYLOADS / "segment-track.json").read_bytes()
    answer = await source.post(payload, headers=basic)
    assert answer.status_code == 200
    assert answer.headers["leadway-outcome"] == "captured"
    identify = await source.post({"type": "identify", "userId": "x"}, headers=basic)
    assert (identify.status_code, identify.headers["leadway-outcome"]) == (200, "ignored")
    assert "leadway-lead" not in identify.headers
    for bad in ("Basic !!!", "Basic " + base64.b64encode(b"other:").decode()):
        assert (await source.post(payload, headers={"Authorization": bad})).status_code == 401


async def test_a_page_may_read_the_answer_but_not_whether_the_person_is_known(desk: Any) -> None:
    source = await desk.source("hubspot-form", origins=[PAGE])
    payload = (PAYLOADS / "hubspot-form.json").read_bytes()
    client = desk.served.client
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    preflight = await client.options(source.path, headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    answer = await source.post(payload, headers={"Origin": PAGE}, query=f"?key={source.key}")
    assert answer.status_code == 200
    assert "inlineMessage" in answer.json()
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert not [name for name in answer.headers if name.startswith("leadway-")]
    broken = await source.post(b"{", headers={"Origin": PAGE}, query=f"?key={source.key}")
    assert broken.status_code == 400
    assert broken.headers["access-control-allow-origin"] == PAGE, "a page must be able to read what was wrong"
    other = await client.options(source.path, headers=asked | {"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers
    server = await source.post(payload)
    assert server.headers["leadway-outcome"] == "duplicate"


async def test_a_tools_submission_without_an_email_is_held_and_listed_once(desk: Any) -> None:
    source = await desk.source("hubspot-form")
    body = {"submittedAt": 1763805582000, "fields": [{"name": "firstname", "value": "Łucja"}]}
    before = await desk.counted()
    for _ in range(2):
        answer = await source.post(body)
        assert (answer.status_code, answer.headers["leadway-outcome"]) == (200, "held")
    (held,) = (await desk.ask("GET", f"/sources/{source.id}/held"))["data"]
    assert json.loads(held["body"]) == body
    assert held["reason"]
    after = await desk.counted()
    assert after == before | {"held": before["held"] + 1}


async def test_a_campaign_is_named_outright_by_its_address_or_by_the_source(desk: Any) -> None:
    for code in ("explicit-1", "utm-1", "source-1"):
        await desk.ask("POST", "/campaigns", {"codes": [code], "name": code, "tactic": "search"}, expect=201)
    source = await desk.source(campaign="source-1")
    cases = [
        ({"campaign": "EXPLICIT-1", "utm": {"campaign": "utm-1"}}, "explicit-1"),
        ({"campaign": "nobody-knows", "utm": {"campaign": "utm-1"}}, "utm-1"),
        ({"campaign": "nobody-knows"}, "source-1"),
    ]
    campaigns = {each["codes"][0]: each["id"] for each in (await desk.ask("GET", "/campaigns"))["data"]}
    for said, code in cases:
        lead = await source.lead(desk.somebody(), **said)
        (fact,) = await desk.served.said(lead["lead_id"], "lead.captured")
        assert isinstance(fact.data, LeadCaptured)
        found = fact.data.touch.campaign
        assert found.campaign_id == campaigns[code]
        assert found.said[0] == said["campaign"], "all are kept as said"


async def test_words_without_a_code_are_listed_until_they_have_one(desk: Any) -> None:
    source, email = await desk.source(), desk.somebody()
    first = await source.lead(email, product="Neutral Archive", company={"industry": "Gesundheitswesen"})
    unmapped = (await desk.ask("GET", "/vocabularies/product"))["unmapped"]
    assert {"said": "neutral archive", "leads": 1} in unmapped
    listed = (await desk.ask("GET", "/vocabularies/industry"))["unmapped"]
    assert {"said": "gesundheitswesen", "leads": 1} in listed
    entry = {"code": "archive", "label": "VN archive", "aliases": ["Neutral Archive"]}
    put = await desk.ask("PUT", "/vocabularies/product", [entry])
    assert put["version"] == 1
    assert (await desk.ask("GET", "/vocabularies/product"))["unmapped"] == [
        each for each in unmapped if each["said"] != "neutral archive"
    ]
    again = await source.lead(email, product="vn archive")
    assert again == {"lead_id": first["lead_id"], "outcome": "touched"}, "its words mean that product by now"
    mapped = await source.lead(desk.somebody(), product="NEUTRAL ARCHIVE")
    assert (await desk.ask("GET", f"/leads/{mapped['lead_id']}"))["product"] == {
        "code": "archive",
        "said": "NEUTRAL ARCHIVE",
    }


async def test_leads_are_found_by_email_and_by_domain(desk: Any) -> None:
    source = await desk.source()
    emails = [f"{name}@found-by-domain.example" for name in ("a", "b")]
    ids = sorted([(await source.lead(email))["lead_id"] for email in emails])
    (one,) = (await desk.ask("GET", "/leads?email=A@Found-By-Domain.example"))["data"]
    assert one["lead_id"] in ids
    page = await desk.ask("GET", "/leads?domain=https://www.found-by-domain.example&limit=1")
    assert ([each["lead_id"] for each in page["data"]], page["has_more"]) == (ids[:1], True)
    rest = await desk.ask("GET", f"/leads?domain=found-by-domain.example&starting_after={ids[0]}")
    assert ([each["lead_id"] for each in rest["data"]], rest["has_more"]) == (ids[1:], False)
    for query in ("", "?email=nobody", "?domain=gmail.com"):
        problem = await desk.ask("GET", f"/leads{query}", expect=422)
        assert problem["errors"]
    for role, expected in (("partner", 403), ("analyst", 403), ("cam", 200)):
        headers = desk.served.bearer(role, "ptr_1" if role == "partner" else None)
        got = await desk.served.client.get("/ingest/v1/leads?email=a@found-by-domain.example", headers=headers)
        assert got.status_code == expected


async def test_a_manager_who_sees_its_own_partners_only_reads_no_person_here(desk: Any) -> None:
    source, email = await desk.source(), "eve@read-by-managers.example"
    lead = (await source.lead(email))["lead_id"]
    token = issue_token(desk.served.deployment.key, role="cam", subject="carla", scope="assigned")
    for path in (
        f"/leads/{lead}",
        "/leads/lead_none",
        f"/leads?email={email}",
        "/leads?domain=read-by-managers.example",
    ):
        headers = {"Authorization": f"Bearer {token}"}
        refused = await desk.ask("GET", path, headers=headers, expect=403)
        assert refused["type"] == "/problems/forbidden"
        assert "/router/v1" in refused["detail"]
        if "none" not in path:
            read = await desk.ask("GET", path, headers=desk.served.bearer("cam"))
            assert lead in str(read)


async def test_a_free_mail_address_names_no_company(desk: Any) -> None:
    source = await desk.source()
    lead = await source.lead("somebody.at.home@gmail.com", company={"domain": "gmail.com"})
    read = await desk.ask("GET", f"/leads/{lead['lead_id']}")
    assert (read["company_id"], read["company"]) == (None, {})


async def test_a_file_is_taken_row_by_row(desk: Any) -> None:
    source = await desk.source("csv")
    answer = await source.post((PAYLOADS / "trade-show.csv").read_bytes())
    assert answer.status_code == 200
    results = {each["row"]: each for each in answer.json()["results"]}
    assert [results[row]["outcome"] for row in (1, 2, 3, 4)] == ["captured", "captured", "refused", "refused"]
    assert {each["pointer"] for each in results[4]["errors"]} == {"#/rows/4/E-mail"}
    again = (await source.post((PAYLOADS / "trade-show.csv").read_bytes())).json()["results"]
    assert [each["outcome"] for each in again][:2] == ["duplicate", "duplicate"]
    assert again[0]["lead_id"] == results[1]["lead_id"]


async def test_what_broke_off_is_not_taken(desk: Any) -> None:
    source = await desk.source("csv")
    before = await desk.counted()
    messages = [
        {"type": "http.request", "body": b"email\na@broken-off.example\nb@broken", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": source.path,
        "raw_path": source.path.encode(),
        "query_string": b"",
        "headers": [(b"x-leadway-key", source.key.encode())],
    }
    await desk.served.deployment.running["ingest"].app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert await desk.counted() == before


async def test_a_source_shows_its_key_once(desk: Any) -> None:
    headers = {"Idempotency-Key": "make-a-source"}
    body = {"name": "twice", "kind": "native"}
    first = await desk.ask("POST", "/sources", body, expect=201, headers=headers)
    again = await desk.ask("POST", "/sources", body, expect=201, headers=headers)
    assert first == again, "the same request gives the same answer, its key with it"
    assert first["url"].endswith(f"/ingest/v1/sources/{first['id']}/leads")
    listed = [each for each in (await desk.ask("GET", "/sources?limit=200"))["data"] if each["id"] == first["id"]]
    assert listed
    assert not {"key", "key_mac"} & listed[0].keys()
    runtime = desk.served.deployment.running["ingest"].runtime
    stored = await runtime.query("SELECT answer::text AS text FROM idempotency")
    assert all(first["key"] not in (row["text"] or "") for row in stored)


async def test_a_campaign_is_changed_by_whoever_saw_its_last_version(desk: Any) -> None:
    body = {"codes": ["edit-me"], "name": "Edit", "tactic": "search"}
    made = await desk.ask("POST", "/campaigns", body, expect=201)
    path = f"/campaigns/{made['id']}"
    stale = {"If-Match": f'"{made["version"]}"'}
    changed = await desk.ask("PATCH", path, {"geography": "EMEA"}, headers=stale)
    assert (changed["geography"], changed["name"], changed["version"]) == ("EMEA", "Edit", made["version"] + 1)
    refused = await desk.ask("PATCH", path, {"name": "Late"}, headers=stale, expect=412)
    assert refused["type"].startswith("/problems/")
    taken = await desk.ask("POST", "/campaigns", body, expect=422)
    assert [each["pointer"] for each in taken["errors"]] == ["#/codes/0"]
    spend = {
        "amount": {"minor": -500, "currency": "EUR"},
        "from": "2026-01-01",
        "to": "2026-01-31",
        "funded_by": "mdf",
    }
    assert (await desk.ask("POST", f"{path}/spend", spend, expect=201))["campaign_id"] == made["id"]
    wrong = spend | {"to": "2025-12-31", "amount": {"minor": 0, "currency": "EUX"}}
    problem = await desk.ask("POST", f"{path}/spend", wrong, expect=422)
    assert {each["pointer"] for each in problem["errors"]} == {"#/to", "#/amount/currency", "#/amount/minor"}


async def test_a_campaign_keeps_each_code_once_as_it_was_first_spelled(desk: Any) -> None:
    body = {"codes": ["Once", "once", " ONCE", "twice"], "name": "Once", "tactic": "search"}
    made = await desk.ask("POST", "/campaigns", body, expect=201)
    assert made["codes"] == ["Once", "twice"]
    changed = await desk.ask("PATCH", f"/campaigns/{made['id']}", {"codes": ["twice", "once", "TWICE"]})
    assert changed["codes"] == ["twice", "once"]


async def test_a_partner_that_was_made_a_moment_ago_may_be_named_and_an_unknown_one_not(desk: Any) -> None:
    source = {"name": "Theirs", "kind": "native", "origin": "partner", "partner_id": "ptr_new"}
    asked = asyncio.create_task(desk.ask("POST", "/sources", source, expect=201))
    partner = PartnerChanged(entity_id="ptr_new", version=1, name="New", tier="gold")
    await desk.served.tell("ptr_new", partner)
    made = await asked
    assert (made["origin"], made["partner_id"]) == ("partner", "ptr_new")
    body = {"codes": ["theirs"], "name": "Theirs", "tactic": "search", "partner_id": "ptr_new"}
    campaign = await desk.ask("POST", "/campaigns", body, expect=201)
    path = f"/campaigns/{campaign['id']}"
    refused = await desk.ask("PATCH", path, {"partner_id": "ptr_none"}, expect=422)
    assert [each["pointer"] for each in refused["errors"]] == ["#/partner_id"]
    assert (await desk.ask("GET", path))["partner_id"] == "ptr_new"


async def test_everything_is_the_same_after_a_rebuild(desk: Any) -> None:
    runtime = desk.served.deployment.running["ingest"].runtime

    async def sent() -> bool:
        return (await runtime.query("SELECT count(*) AS n FROM outbox"))[0]["n"] == 0

    await eventually(sent)
    database = desk.served.deployment.settings.database_url
    rebuilt = await rebuild(database, desk.served.deployment.log, desk.served.service)
    assert rebuilt.differences() == []
    assert rebuilt.facts > 0

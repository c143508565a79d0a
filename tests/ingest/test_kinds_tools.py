"""The payloads of HubSpot, Google Ads and Segment, as these send them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.facts.ingest import SourceMap
from leadway.ingest.policy import (
    Accepted,
    BadPayload,
    CampaignCode,
    CompanySaid,
    ConsentSaid,
    Held,
    Ignored,
    PersonSaid,
    Reading,
    Submission,
    UnreadablePayload,
    Utm,
)
from leadway.ingest.policy.kinds import READERS, google_key, read, target_named, touch_kind
from leadway.ingest.policy.kinds._draft import split_name

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAYLOADS = Path(__file__).parent.parent / "fixtures" / "payloads"
TOOLS = ("hubspot-form", "google-ads", "segment-track")


def sample(kind: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{kind}.json").read_bytes())


def reading(kind: str, document: object, source_map: SourceMap | None = None, at: datetime = NOW) -> Reading:
    return read(kind, json.dumps(document).encode(), received_at=at, source_map=source_map or SourceMap())


def accepted(kind: str, document: object, source_map: SourceMap | None = None, at: datetime = NOW) -> Submission:
    result = reading(kind, document, source_map, at)
    assert isinstance(result, Accepted)
    return result.submission


def pointers(kind: str, document: object) -> list[str]:
    with pytest.raises(BadPayload) as refused:
        reading(kind, document)
    return [fault.pointer for fault in refused.value.errors]


# HubSpot


def test_a_hubspot_form() -> None:
    said = accepted("hubspot-form", sample("hubspot-form"))
    assert said.person == PersonSaid(
        email="marta.kowalska@szpital-wolski.example",
        email_said="marta.kowalska@szpital-wolski.example",
        first_name="Marta",
        last_name="Kowalska",
        phone="+48225550123",
        phone_said="+48 22 555 01 23",
    )
    assert said.company == CompanySaid(
        name="Szpital Wolski sp. z o.o.",
        domain="szpital-wolski.example",
        country="PL",
        country_said="Poland",
        city="Warszawa",
        industry="Hospital & Health Care",
        employees=1000,
    )
    assert said.product == "Imaging Archive"
    assert said.occurred_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert said.campaigns == (CampaignCode("7015g000000abcdAAA", "explicit"), CampaignCode("health-emea-q4", "utm"))
    assert said.utm == Utm(source="linkedin", medium="paid-social", campaign="health-emea-q4", content="ct-demo")
    assert said.consent == (
        ConsentSaid(purpose="processing", granted=True, text="Zgadzam się na kontakt."),
        ConsentSaid(purpose="partner_sharing", granted=True, text="Kontakt od partnera"),
    )
    assert said.fields == {"page_name": "Archiwum obrazów — demo"}


def test_a_hubspot_form_sent_again_has_the_same_key_and_another_moment_another() -> None:
    form = sample("hubspot-form")
    key = accepted("hubspot-form", form).submission_key
    assert accepted("hubspot-form", form, at=NOW + timedelta(days=3)).submission_key == key
    assert accepted("hubspot-form", form | {"submittedAt": "1795305600001"}).submission_key != key
    del form["submittedAt"]
    undated = accepted("hubspot-form", form)
    assert undated.occurred_at == NOW
    assert accepted("hubspot-form", form, at=NOW + timedelta(hours=1)).submission_key == undated.submission_key
    assert accepted("hubspot-form", form, at=NOW + timedelta(days=30)).submission_key != undated.submission_key


def test_the_company_of_a_hubspot_form_goes_before_what_the_person_says_of_it() -> None:
    fields = [
        {"objectTypeId": "0-1", "name": "email", "value": "a@kern.example"},
        {"objectTypeId": "0-1", "name": "city", "value": "Home"},
        {"objectTypeId": "0-1", "name": "phone", "value": "+48225550123"},
        {"objectTypeId": "0-2", "name": "city", "value": "Office"},
        {"objectTypeId": "0-2", "name": "name", "value": "Kern"},
        {"objectTypeId": "0-2", "name": "phone", "value": "+48225550100"},
    ]
    said = accepted("hubspot-form", {"fields": fields})
    assert (said.company.name, said.company.city, said.person.phone) == ("Kern", "Office", "+48225550123")
    assert said.fields == {"city": "Home", "company_phone": "+48225550100"}


def test_a_refusal_counts_and_the_map_says_what_a_subscription_is_for() -> None:
    form = sample("hubspot-form")
    form["legalConsentOptions"]["consent"] = {
        "consentToProcess": False,
        "communications": [
            {"value": True, "subscriptionTypeId": 1, "text": "News"},
            {"value": False, "subscriptionTypeId": 2, "text": "Offers"},
            {"value": False, "subscriptionTypeId": 3, "text": "Third parties"},
        ],
    }
    said = accepted("hubspot-form", form, SourceMap(fields={"subscription:3": "consent.partner_sharing"}))
    assert {each.purpose: each.granted for each in said.consent} == {
        "processing": False,
        "marketing": False,
        "partner_sharing": False,
    }


def test_a_form_without_a_usable_e_mail_is_held_with_all_that_it_said() -> None:
    form = sample("hubspot-form")
    form["fields"][0]["value"] = "marta at home"
    held = reading("hubspot-form", form)
    assert isinstance(held, Held)
    assert held.reason == "no usable e-mail"
    assert held.submission.person.email is None
    assert held.submission.person.email_said == "marta at home"
    assert held.submission.company.name == "Szpital Wolski sp. z o.o."


def test_what_is_no_hubspot_form() -> None:
    assert pointers("hubspot-form", []) == ["#"]
    assert pointers("hubspot-form", {}) == ["#/fields"]
    assert pointers("hubspot-form", {"fields": [{"value": "x"}, 5], "context": "x"}) == [
        "#/fields/0/name",
        "#/fields/1/name",
        "#/context",
    ]


# Google Ads


def test_a_google_ads_lead() -> None:
    said = accepted("google-ads", sample("google-ads"))
    assert said.submission_key == "TeSter-8f3k2p0Zq1"
    assert said.occurred_at == NOW
    assert not said.test
    assert (said.person.first_name, said.person.last_name, said.person.phone) == ("Dana", "Whitfield", "+14045550148")
    assert (said.company.country, said.company.postal_code) == ("US", "30303")
    assert said.campaigns == (CampaignCode("19283746501", "explicit"),)
    assert said.fields == {
        "What do you want to secure?": "Branch network, 40 sites",
        "form_id": "48210077",
        "adgroup_id": "8837261",
        "creative_id": "552817340",
        "gcl_id": "EAIaIQobChMI3c7",
    }


def test_google_ids_may_be_numbers_or_text_and_a_test_is_one() -> None:
    lead = sample("google-ads") | {"lead_id": 77, "campaign_id": "5", "is_test": True}
    said = accepted("google-ads", lead)
    assert (said.submission_key, said.test) == ("77", True)
    assert said.campaigns == (CampaignCode("5", "explicit"),)


def test_a_question_of_the_advertisers_own_is_never_taken_for_a_field_of_ours_but_by_the_map() -> None:
    lead = sample("google-ads")
    lead["user_column_data"][-1] = {"column_name": "Country", "string_value": "where the branches are"}
    lead["user_column_data"].append({"column_id": "Q1", "string_value": "gateway"})
    assert accepted("google-ads", lead).company.country == "US"
    assert accepted("google-ads", lead).fields["Country"] == "where the branches are"
    assert accepted("google-ads", lead, SourceMap(fields={"q1": "product"})).product == "gateway"


def test_the_key_of_google_is_in_the_body() -> None:
    assert google_key((PAYLOADS / "google-ads.json").read_bytes()) == "set-in-the-source"
    assert google_key(b'\xef\xbb\xbf{"google_key": "k"}') == "k"
    for body in (b"{}", b'{"google_key": 5}'):
        assert google_key(body) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_what_can_hold_no_key_of_google_is_refused_for_what_it_is(body: bytes) -> None:
    with pytest.raises((UnreadablePayload, BadPayload)):
        google_key(body)


@pytest.mark.parametrize("document", [b'{"a": "x\xff"}', b'\xef\xbb\xbf["\xc3\xa9", "\xff"]'])
def test_a_byte_that_is_out_of_place_is_named_by_its_place_in_the_body(document: bytes) -> None:
    with pytest.raises(UnreadablePayload, match=f": byte {document.index(0xFF)} is out of place"):
        read("segment-track", document, received_at=NOW)


def test_what_is_no_google_ads_lead() -> None:
    assert pointers("google-ads", {}) == ["#/lead_id", "#/user_column_data"]
    assert pointers("google-ads", {"lead_id": True, "user_column_data": [5]}) == ["#/lead_id", "#/user_column_data/0"]


# Segment


def test_a_track_call_is_a_touch() -> None:
    said = accepted("segment-track", sample("segment-track"))
    assert said.submission_key == "ajs-next-2f8a7c0e"
    assert said.occurred_at == datetime(2026, 11, 21, 18, 3, 11, 412_000, tzinfo=UTC)
    assert said.person.email == "marta.kowalska@szpital-wolski.example"
    assert (said.touch.kind, said.touch.asset) == ("content.downloaded", "Vendor-neutral archive buyer's guide")
    assert said.touch.url == "https://www.vendor.example/resources/vna-guide"
    assert said.campaigns == (CampaignCode("health-emea-q4", "utm"),)
    assert said.utm == Utm(source="newsletter", medium="email", campaign="health-emea-q4", content="hero")
    assert said.fields == {"asset_type": "whitepaper", "anonymous_id": "5c2f7f0e-7e2a"}


def test_the_person_of_a_track_call_may_be_in_its_properties_or_traits() -> None:
    call = sample("segment-track")
    call["userId"] = "u-77"
    call["properties"] = {"email": "a@kern.example", "name": "Guide", "seats": 40}
    call["context"]["traits"] = {"name": "Jan van der Berg", "company": {"name": "Kern", "employee_count": 250}}
    said = accepted("segment-track", call)
    assert said.person.email == "a@kern.example"
    assert (said.person.first_name, said.person.last_name) == ("Jan", "van der Berg")
    assert (said.company.name, said.company.employees, said.touch.asset) == ("Kern", 250, "Guide")
    assert said.fields["user_id"] == "u-77"
    assert said.fields["seats"] == "40"


def test_a_track_call_of_nobody_is_held() -> None:
    call = sample("segment-track")
    del call["userId"]
    assert isinstance(reading("segment-track", call), Held)


@pytest.mark.parametrize("call", ["identify", "page", "screen", "group", "alias"])
def test_other_calls_are_ignored(call: str) -> None:
    assert reading("segment-track", {"type": call, "userId": "a@b.de"}) == Ignored(f"a call of type {call}")


def test_what_is_no_call() -> None:
    assert pointers("segment-track", {"event": "x"}) == ["#/type"]
    assert pointers("segment-track", {"type": "track"}) == ["#/event"]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("Content Downloaded", "content.downloaded"),
        ("content_downloaded", "content.downloaded"),
        ("contentDownloaded", "content.downloaded"),
        ("Email Link Clicked", "email.clicked"),
        ("Pricing Page Opened", "pricing_page.opened"),
        ("signup", "event.signup"),
        ("???", "event.tracked"),
        ("Przyszedł Gość", "przyszedl.gosc"),
        ("Demo Asked", "demo.requested"),
    ],
)
def test_an_event_becomes_a_kind_of_touch(event: str, kind: str) -> None:
    assert touch_kind(event, {"demo asked": "demo.requested"}) == kind


# All of them


def test_a_map_renames_the_fields_of_a_tool() -> None:
    form = sample("hubspot-form")
    form["fields"] += [
        {"name": "00N5g", "value": "Archive"},
        {"name": "sites", "value": "4"},
        {"name": "ok", "value": "nein"},
    ]
    source_map = SourceMap(
        fields={
            "00n5G": "product",
            "Sites": "fields.site_count",
            "ok": "consent.marketing",
            "product_interest": "company.city",
        },
        events={"form.submitted": "event.attended"},
    )
    said = accepted("hubspot-form", form, source_map)
    assert said.product == "Archive"
    assert said.fields["site_count"] == "4"
    assert {each.purpose: each.granted for each in said.consent}["marketing"] is False
    assert said.touch.kind == "event.attended"


def test_what_a_map_may_lead_to() -> None:
    assert target_named("person.email") == "email"
    assert target_named("company.name") == "company"
    assert target_named("fields.budget") == "fields.budget"
    assert target_named("consent.partner_sharing") == "consent.partner_sharing"
    assert target_named("fields.") is None
    assert target_named("shoe_size") is None


def test_a_tools_odd_values_lose_no_lead() -> None:
    fields = [
        {"name": "email", "value": "a@kern.example"},
        {"name": "firstname", "value": "M\0arta" + "x" * 500},
        {"name": "topics", "value": ["a", "b"]},
        {"name": "deep", "value": {"a": [1]}},
        {"name": "n" * 500, "value": True},
        {"name": "blank", "value": " "},
        {"name": "phone", "value": 81335550177},
        {"name": "country", "value": "Japan"},
    ]
    said = accepted(
        "hubspot-form", {"fields": fields, "submittedAt": 9_999_999_999_999_999, "context": {"pageUri": "http://[x"}}
    )
    assert said.person.first_name is not None
    assert said.person.first_name.startswith("Marta")
    assert len(said.person.first_name) < 301
    assert said.fields == {"topics": "a, b", "deep": '{"a":[1]}', "n" * 120: "true"}
    assert said.person.phone_said == "81335550177"
    assert said.occurred_at == NOW
    assert said.touch.url == "http://[x"


def test_fields_are_bounded() -> None:
    fields = [{"name": f"f{number}", "value": "x" * 9000} for number in range(300)]
    said = accepted("hubspot-form", {"fields": [{"name": "email", "value": "a@b.de"}, *fields]})
    assert len(said.fields) == 200
    assert all(len(value) == 8000 for value in said.fields.values())


@pytest.mark.parametrize("kind", TOOLS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "open", "binary", "deep"])
def test_what_is_no_json_cannot_be_read(kind: str, body: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        read(kind, body, received_at=NOW)


def test_a_byte_order_mark_is_passed_over() -> None:
    body = b"\xef\xbb\xbf" + (PAYLOADS / "google-ads.json").read_bytes()
    assert isinstance(read("google-ads", body, received_at=NOW), Accepted)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(inside: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as what it is in and its key there."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(inside, dict):
        items = cast("dict[str, Any]", inside).items()
    elif isinstance(inside, list):
        items = enumerate(cast("list[Any]", inside))
    for key, value in items:
        yield cast("Any", inside), key
        yield from places(value)


@given(kind=st.sampled_from(TOOLS), data=st.data())
def test_a_sample_with_anything_in_one_place_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    document = sample(kind)
    place, key = data.draw(st.sampled_from(list(places(document))))
    place[key] = data.draw(VALUES)
    body = json.dumps(document).encode()
    try:
        result = READERS[kind](body, received_at=NOW, source_map=SourceMap())
    except BadPayload as refused:
        result = refused
    assert isinstance(result, Accepted | Held | Ignored | BadPayload)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("Dana Whitfield", ("Dana", "Whitfield")),
        ("Whitfield, Dana", ("Dana", "Whitfield")),
        ("Jan van der Berg", ("Jan", "van der Berg")),
        ("Juan Carlos Pérez", ("Juan Carlos", "Pérez")),
        ("Cher", ("Cher", None)),
        ("de Gaulle", ("de", "Gaulle")),
        (" ", (None, None)),
    ],
)
def test_a_full_name_is_parted(said: str, names: tuple[str | None, str | None]) -> None:
    assert split_name(said) == names

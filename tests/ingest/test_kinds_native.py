"""Native submissions: taken when right, and told everything that is wrong with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.ingest.policy import (
    Accepted,
    BadPayload,
    CampaignCode,
    CompanySaid,
    ConsentSaid,
    PersonSaid,
    TouchSaid,
    UnreadablePayload,
    Utm,
)
from leadway.ingest.policy.kinds import read_native

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERSON: dict[str, Any] = {"email": "Marta.Kowalska@Szpital-Wolski.example"}


def read(document: object) -> Accepted:
    return read_native(json.dumps(document).encode(), received_at=NOW)


def faults(document: object) -> dict[str, str]:
    with pytest.raises(BadPayload) as refused:
        read(document)
    assert refused.value.status == 422
    return {fault.pointer: fault.detail for fault in refused.value.errors}


def test_all_that_can_be_said() -> None:
    said = read(
        {
            "submission_id": "form-77",
            "occurred_at": "2026-11-23T12:00:00+02:00",
            "test": True,
            "touch": {"kind": "event.attended", "asset": "Booth 7", "url": "https://vendor.example/fair"},
            "person": {**PERSON, "first_name": " Marta ", "last_name": "Kowalska", "phone": "22 555 01 23"},
            "company": {
                "name": "Szpital Wolski",
                "country": "Polska",
                "region": "Mazowieckie",
                "city": "Warszawa",
                "postal_code": "01-211",
                "industry": "Healthcare",
                "employees": "1,000-5,000",
            },
            "product": "Imaging Archive",
            "campaign": "health-emea-q4",
            "utm": {"source": "newsletter", "campaign": "pci-2026"},
            "consent": [{"purpose": "partner_sharing", "granted": False, "text": "No", "at": "2026-11-01T00:00:00Z"}],
            "fields": {"budget": 25000, "sites": "40", "urgent": True, "none": None},
        }
    ).submission
    assert (said.submission_key, said.test) == ("form-77", True)
    assert said.occurred_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert said.touch == TouchSaid(kind="event.attended", asset="Booth 7", url="https://vendor.example/fair")
    assert said.person == PersonSaid(
        email="marta.kowalska@szpital-wolski.example",
        email_said="Marta.Kowalska@Szpital-Wolski.example",
        first_name="Marta",
        last_name="Kowalska",
        phone="+48225550123",
        phone_said="22 555 01 23",
    )
    assert said.company == CompanySaid(
        name="Szpital Wolski",
        domain="szpital-wolski.example",
        country="PL",
        country_said="Polska",
        region="Mazowieckie",
        city="Warszawa",
        postal_code="01-211",
        industry="Healthcare",
        employees=1000,
    )
    assert said.product == "Imaging Archive"
    assert said.campaigns == (CampaignCode("health-emea-q4", "explicit"), CampaignCode("pci-2026", "utm"))
    assert said.campaigns_said("of-the-source") == ("health-emea-q4", "pci-2026", "of-the-source")
    assert said.utm == Utm(source="newsletter", campaign="pci-2026")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert said.consent == (ConsentSaid(purpose="partner_sharing", granted=False, text="No", at=at),)
    assert said.fields == {"budget": "25000", "sites": "40", "urgent": "true"}


def test_an_e_mail_is_enough_and_null_means_absent() -> None:
    said = read({"person": {**PERSON, "phone": None}, "company": None, "test": None, "consent": None}).submission
    assert said.submission_key is None
    assert said.occurred_at == NOW
    assert said.touch.kind == "form.submitted"
    assert said.company == CompanySaid(domain="szpital-wolski.example")
    assert not said.test


def test_a_mailbox_at_a_provider_names_no_company() -> None:
    assert read({"person": {"email": "marta@gmail.com"}}).submission.company.domain is None
    said = read({"person": {"email": "marta@gmail.com"}, "company": {"domain": "www.kern.example"}}).submission
    assert said.company.domain == "kern.example"


def test_every_fault_is_named_at_once() -> None:
    found = faults(
        {
            "submission_id": 7,
            "occurred_at": "yesterday",
            "touch": {"kind": "Form Submitted"},
            "person": {"email": "nobody", "phone": ["1"], "nickname": "M"},
            "company": {"name": "x" * 201, "employees": -4, "a/b": 1},
            "consent": [{"purpose": "spam", "granted": "yes"}, 5],
            "fields": {"deep": {"a": 1}, "": "blank"},
            "campain": "health",
        }
    )
    assert found == {
        "#/campain": "is not a known field",
        "#/submission_id": "must be a text",
        "#/occurred_at": "must be an RFC 3339 instant with its offset, such as 2026-11-22T00:19:42Z",
        "#/touch/kind": "must be words joined by dots, in lower case, such as form.submitted",
        "#/person/nickname": "is not a known field",
        "#/person/phone": "must be a text",
        "#/person/email": "is not an e-mail address",
        "#/company/a~1b": "is not a known field",
        "#/company/name": "must be a text of length <= 200",
        "#/company/employees": "must be a whole number >= 0",
        "#/consent/0/purpose": "must be one of processing, partner_sharing, marketing",
        "#/consent/0/granted": "must be true or false",
        "#/consent/1": "must be an object",
        "#/fields/deep": "must be true or false, a whole number, a number or a text",
    }


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], "#"),
        ("x", "#"),
        (None, "#"),
        ({}, "#/person"),
        ({"person": None}, "#/person"),
        ({"person": "marta"}, "#/person"),
        ({"person": {}}, "#/person/email"),
        ({"person": {"email": None}}, "#/person/email"),
        ({"person": {"email": " "}}, "#/person/email"),
        ({"person": {"email": "a@b"}}, "#/person/email"),
        ({"person": {"email": "a@b.de", "first_name": "M\0"}}, "#/person/first_name"),
        ({"person": PERSON, "fields": {"a\0": "b"}}, "#/fields/a"),
        ({"person": PERSON, "fields": {"a": "b\0"}}, "#/fields/a"),
        ({"person": PERSON, "fields": {"x" * 121: "b"}}, "#/fields/" + "x" * 121),
        ({"person": PERSON, "fields": {str(n): "b" for n in range(101)}}, "#/fields"),
        ({"person": PERSON, "fields": {"a": "b" * 8001}}, "#/fields/a"),
        ({"person": PERSON, "occurred_at": "2026-11-24T12:00:01Z"}, "#/occurred_at"),
        ({"person": PERSON, "occurred_at": "2006-11-24T12:00:01Z"}, "#/occurred_at"),
        ({"person": PERSON, "occurred_at": "2026-11-23T12:00:00"}, "#/occurred_at"),
        ({"person": PERSON, "consent": [{"purpose": "marketing", "granted": True}] * 2}, "#/consent/1/purpose"),
        ({"person": PERSON, "test": "yes"}, "#/test"),
    ],
)
def test_one_fault_is_pointed_at(document: object, pointer: str) -> None:
    assert list(faults(document)) == [pointer]


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    said = read({"person": PERSON, "occurred_at": (NOW + timedelta(hours=23)).isoformat()}).submission
    assert said.occurred_at == NOW


def test_a_country_that_nobody_knows_is_kept_as_said() -> None:
    company = read({"person": PERSON, "company": {"country": "Neverland"}}).submission.company
    assert (company.country, company.country_said) == (None, "Neverland")


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b'{"person": "\xff"}', b"[" * 100_000, b'"\\ud800"'])
def test_what_is_no_json_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadablePayload) as refused:
        read_native(body, received_at=NOW)
    assert refused.value.status == 400


def test_a_backslash_before_u0000_is_no_nul() -> None:
    said = read({"person": PERSON, "fields": {"path": "C:\\u0000"}}).submission
    assert said.fields == {"path": "C:\\u0000"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-11-23T12:00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["person", "email", "fields", "occurred_at", "consent", "purpose", "company", "touch", "?"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(document=st.dictionaries(st.sampled_from(["fields", "occurred_at", "consent", "touch", "?"]), JSON), person=JSON)
def test_whatever_is_sent_it_is_taken_or_refused_with_pointers(document: dict[str, Any], person: object) -> None:
    body = {**document, "person": person}
    pointers = ["#"]
    try:
        read(body)
    except BadPayload as refused:
        pointers = [fault.pointer for fault in refused.errors]
    assert pointers
    assert all(pointer.startswith("#") for pointer in pointers)

"""What people write, and what it comes to."""

from __future__ import annotations

import sys

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.facts.ingest import VocabularyEntry
from leadway.ingest.policy import (
    Vocabulary,
    clashes,
    country_code,
    e164,
    employees,
    normalise_email,
    resolve_campaign,
)
from leadway.words import code_key


@pytest.mark.parametrize(
    ("said", "email"),
    [
        (" Marta.Kowalska@Szpital-Wolski.Example ", "marta.kowalska@szpital-wolski.example"),
        ("mailto:a@b.co", "a@b.co"),
        ("o'neill+news@sub.bank.co.uk", "o'neill+news@sub.bank.co.uk"),
        ("x@xn--bcher-kva.de", "x@xn--bcher-kva.de"),
        ("Info@Bücher.de", "info@xn--bcher-kva.de"),
        ("jürgen@kern.de", "jürgen@kern.de"),
    ],
)
def test_an_address_has_one_form(said: str, email: str) -> None:
    assert normalise_email(said) == email
    assert normalise_email(email) == email


@pytest.mark.parametrize(
    "said",
    [
        *("", "   ", "not-an-email", "@", "a@", "@b.de", "a@b", "a b@c.de", "a@b..de", ".a@b.de", "a.@b.de", "a@-b.de"),
        *("a@b.de, c@d.de", "a@b.de\nx", "a@[1.2.3.4]", "<a@b.de>", "a\0@b.de", "ü@b", "a" * 65 + "@b.de"),
        "a@" + "b" * 250 + ".de",
    ],
)
def test_what_is_no_address(said: str) -> None:
    assert normalise_email(said) is None


@given(st.text(max_size=300) | st.from_regex(r"[^@]{1,20}@[^@]{1,20}\.[a-z]{2,5}", fullmatch=True))
def test_the_form_of_an_address_is_stable(said: str) -> None:
    email = normalise_email(said)
    assert email is None or normalise_email(email) == email


@pytest.mark.parametrize(
    ("said", "country", "number"),
    [
        ("+48 22 555 01 23", None, "+48225550123"),
        ("+49 (0)711 555 01 23", None, "+497115550123"),
        ("0711 / 555 01 23", "DE", "+497115550123"),
        ("(404) 555-0148", "US", "+14045550148"),
        ("0711 555 01 23", None, None),
        ("ring twice", "DE", None),
        ("1" * 61, "DE", None),
        ("", "DE", None),
    ],
)
def test_a_phone_number_is_read_where_it_can_be(said: str, country: str | None, number: str | None) -> None:
    assert e164(said, country) == number


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from([phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL]),
    st.sampled_from(["", " (0)", "-", "."]),
    st.text("0123456789 -", max_size=3),
    st.sampled_from(["PL", "US", None]),
)
def test_an_international_number_is_read_as_the_library_reads_it(
    region: str, spelling: int, between: str, more: str, country: str | None
) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    said = phonenumbers.format_number(example, spelling).replace(" ", between or " ", 1) + more
    number = phonenumbers.parse(said, country)
    possible = phonenumbers.is_possible_number(number)
    assert e164(said, country) == (phonenumbers.format_number(number, 0) if possible else None)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("PL", "PL"),
        ("pl ", "PL"),
        ("POL", "PL"),
        ("Poland", "PL"),
        ("Deutschland", "DE"),
        ("ALLEMAGNE", "DE"),
        ("Österreich", "AT"),
        ("Osterreich", "AT"),
        ("Schweiz", "CH"),
        ("Frankreich", "FR"),
        ("日本", "JP"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("UK", "GB"),
        ("Côte d’Ivoire", "CI"),
        ("México", "MX"),
        ("Czech Republic", "CZ"),
        ("Česko", "CZ"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Україна", "UA"),
        ("Neverland", None),
        ("EU", None),
        ("", None),
        (None, None),
    ],
)
def test_a_country_is_known_by_its_names(said: str | None, code: str | None) -> None:
    assert country_code(said) == code


@given(st.text(max_size=100))
def test_no_text_is_too_strange_for_the_normal_forms(said: str) -> None:
    country_code(said)
    employees(said)
    e164(said, "DE")


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("250", 250),
        (251, 251),
        ("1,000-5,000", 1000),
        ("1.000 bis 5.000", 1000),
        ("1 000", 1000),
        ("1'200", 1200),
        ("51–200 employees", 51),
        ("10,000+", 10_000),
        (">500", 500),
        ("5k", 5000),
        ("1.5k", 1500),
        ("1-5k", 1000),
        ("200 Mitarbeiter", 200),
        ("under 50", 1),
        ("<50", 1),
        ("bis 50", 1),
        ("about forty", None),
        (-1, None),
        (10**9, None),
        ("99999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_of_a_range_of_employees_the_lower_end_counts(said: str | int | None, count: int | None) -> None:
    assert employees(said) == count


HEALTH_ALIASES = ("Hospital & Health Care", "Gesundheitswesen", "Santé")
ENTRIES = (
    VocabularyEntry(code="healthcare", label="Health care", aliases=HEALTH_ALIASES),
    VocabularyEntry(code="engineering", label="Engineering", aliases=("Maschinenbau", "Health care")),
)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("HOSPITAL & HEALTH CARE", "healthcare"),
        ("hospital / health-care", "healthcare"),
        ("sante", "healthcare"),
        ("healthcare", "healthcare"),
        ("Health care", "healthcare"),
        ("maschinenbau ", "engineering"),
        ("banking", None),
        ("", None),
        ("&", None),
        (None, None),
    ],
)
def test_a_vocabulary_finds_the_code_of_a_saying(said: str | None, code: str | None) -> None:
    assert Vocabulary(ENTRIES).lookup(said) == code


def test_a_saying_that_means_two_codes_is_found() -> None:
    assert clashes(ENTRIES) == ((1, 1, "healthcare"),)
    assert clashes(ENTRIES[:1]) == ()


def test_the_first_known_code_names_the_campaign() -> None:
    campaigns = {code_key("health-emea-q4"): "cmp_1", code_key("7015g000000abcdAAA"): "cmp_2"}
    assert resolve_campaign(("unknown", " Health-EMEA-Q4", "7015g000000abcdAAA"), campaigns) == "cmp_1"
    assert resolve_campaign(("unknown",), campaigns) is None
    assert resolve_campaign((), campaigns) is None


def test_heavy_libraries_are_loaded_by_who_needs_them_only() -> None:
    assert "babel" not in sys.modules["leadway.ingest.policy.countries"].__dict__
    for module in ("phones", "emails"):
        loaded = sys.modules[f"leadway.ingest.policy.{module}"].__dict__
        assert not {"phonenumbers", "validate_email"} & loaded.keys()

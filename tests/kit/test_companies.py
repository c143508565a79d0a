"""What companies, their products and their words are recognised by."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.companies import company_domain, company_key, is_free_mail, registrable_domain
from leadway.facts.terms import Term
from leadway.words import code_key, fold, term_key


@pytest.mark.parametrize(
    ("said", "domain"),
    [
        ("kern.example", "kern.example"),
        ("https://www.Kern.example/impressum?x=1", "kern.example"),
        ("mail.kern.co.uk:443", "kern.co.uk"),
        ("info@kern.de", "kern.de"),
        ("shop.acme.com", "acme.com"),
        ("shop.github.io", "shop.github.io"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("co.uk", None),
        ("gmail.com", None),
        ("mail.gmx.at", None),
        ("yahoo.co.jp", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("none", None),
        ("a b", None),
        ("..", None),
        ("ü" * 300 + ".de", None),
        ("", None),
    ],
)
def test_a_companys_domain_is_the_one_that_it_registered(said: str, domain: str | None) -> None:
    assert company_domain(said) == domain


def test_free_mail_is_no_company() -> None:
    assert is_free_mail("web.de")
    assert is_free_mail("hotmail.fr")
    assert not is_free_mail("kern.example")


def test_a_domain_is_registered_though_anybody_has_a_mailbox_there() -> None:
    assert registrable_domain("mail.gmx.at") == "gmx.at"
    assert registrable_domain("co.uk") is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("ACME Sp. z o.o.", "acme"),
        ("Żółta Łódź S.A.", "zolta lodz"),
        ("Müller & Söhne GmbH & Co. KG", "muller and sohne"),
        ("Acme, Inc.", "acme"),
        ("Limited", "limited"),
        ("Straße AG", "strasse"),
        ("Škoda a.s.", "skoda"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_name_is_compared_without_what_varies_in_writing(said: str | None, name: str | None) -> None:
    assert company_key(said) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Maschinenbau Kern GmbH & Co. KG", "MASCHINENBAU KERN"),
        ("Szpital Wolski sp. z o.o.", "Szpital Wolski"),
        ("Norte Industrial SA de CV", "Norte Industrial, S.A. de C.V."),
        ("Águas do Douro S.A.", "Aguas do Douro"),
        ("Kita Semiconductor KK", "Kita  Semiconductor"),
        ("Łódź Steel s.r.o.", "lodz steel"),
        ("Smith & Sons Ltd.", "Smith and Sons"),
    ],
)
def test_a_company_is_the_same_without_its_legal_form(one: str, other: str) -> None:
    assert company_key(one) == company_key(other)


def test_something_of_a_companys_name_always_stays() -> None:
    assert company_key("Limited") == "limited"
    assert company_key("AG GmbH") == "ag"
    assert company_key(" -- ") is None
    assert company_key(None) is None


@given(st.text(max_size=100))
def test_no_text_is_too_strange_to_be_compared(said: str) -> None:
    registrable_domain(said)
    company_domain(said)
    company_key(said)


def test_products_are_compared_by_code_else_by_what_was_said() -> None:
    assert term_key(Term(code="erp", said="Our ERP")) == "erp"
    assert term_key(Term(said="  Our   ERP ")) == "our erp"
    assert term_key(Term()) is None
    assert term_key(None) is None


def test_campaign_codes_are_compared_without_case_and_blanks_around() -> None:
    assert code_key(" Health-EMEA-Q4") == code_key("health-emea-q4")


@given(st.text(max_size=50))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_the_list_of_suffixes_is_loaded_by_who_needs_it_only() -> None:
    assert "PublicSuffixList" not in sys.modules["leadway.companies._domains"].__dict__

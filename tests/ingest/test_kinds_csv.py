"""Spreadsheets saved as CSV: every delimiter and encoding, and no good row lost with a bad one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway.facts.ingest import SourceMap
from leadway.ingest.policy import Accepted, BadPayload, RowError, Submission, UnreadablePayload
from leadway.ingest.policy.kinds import read_csv
from leadway.ingest.policy.kinds._names import known_target

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRADE_SHOW = Path(__file__).parent.parent / "fixtures" / "payloads" / "trade-show.csv"


def rows(file: str | bytes, source_map: SourceMap | None = None) -> dict[int, Submission | list[str]]:
    """What each row came to: a submission, or the pointers of its faults."""
    body = file.encode() if isinstance(file, str) else file
    found: dict[int, Submission | list[str]] = {}
    for row in read_csv(body, received_at=NOW, source_map=source_map or SourceMap()):
        outcome = row.outcome
        found[row.number] = outcome.submission if isinstance(outcome, Accepted) else [e.pointer for e in outcome.errors]
    return found


def taken(file: str | bytes, number: int = 1, source_map: SourceMap | None = None) -> Submission:
    outcome = rows(file, source_map)[number]
    assert isinstance(outcome, Submission)
    return outcome


def test_the_trade_show() -> None:
    found = rows(TRADE_SHOW.read_bytes())
    assert found[3] == ["#/rows/3/First Name", "#/rows/3/Firma"]
    assert found[4] == ["#/rows/4/E-mail"]
    first, second = found[1], found[2]
    assert isinstance(first, Submission)
    assert isinstance(second, Submission)
    assert (first.person.first_name, first.person.last_name) == ("Jürgen", "Weiß")
    assert first.person.email == "j.weiss@maschinenbau-kern.example"
    assert (first.company.name, first.company.country) == ("Maschinenbau Kern GmbH & Co. KG", "DE")
    assert (first.company.postal_code, first.company.industry, first.company.employees) == (
        "70469",
        "Maschinenbau",
        250,
    )
    assert first.fields == {"note": "will Angebot für 3 Linien; Messe Halle 7"}
    assert (second.company.country, second.company.employees) == ("FR", 1200)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"], ids=["semicolon", "comma", "tab"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_whoever_wrote_it(encoding: str, delimiter: str, newline: str) -> None:
    header = ["Prénom", "Nom", "Courriel", "Société", "Code postal", "Remarques"]
    cells = ["Sophie", "Lefèvre", "s@rhone.example", "Clinique du Rhône", "69003", f'"a{delimiter} ""b""{newline}c"']
    file = newline.join([delimiter.join(header), delimiter.join(cells), ""])
    said = taken(file.encode(encoding))
    assert (said.person.first_name, said.person.last_name) == ("Sophie", "Lefèvre")
    assert (said.company.name, said.company.postal_code) == ("Clinique du Rhône", "69003")
    assert said.fields == {"note": f'a{delimiter} "b"\nc'}


@pytest.mark.parametrize(
    ("word", "target"),
    [
        ("E-Mail-Adresse", "email"),
        ("correo electrónico", "email"),
        ("Adresse électronique", "email"),
        ("INDIRIZZO EMAIL", "email"),
        ("Imię", "first_name"),
        ("nazwisko", "last_name"),
        ("Nombre y apellidos", "full_name"),
        ("Naam", "full_name"),
        ("Ragione sociale", "company"),
        ("Bedrijf", "company"),
        ("nazwa firmy", "company"),
        ("País", "country"),
        ("Kraj", "country"),
        ("Kod pocztowy", "postal_code"),
        ("Código postal", "postal_code"),
        ("CAP", "postal_code"),
        ("Città", "city"),
        ("Miejscowość", "city"),
        ("Settore", "industry"),
        ("Branża", "industry"),
        ("Liczba pracowników", "employees"),
        ("Nombre d'employés", "employees"),
        ("Medewerkers", "employees"),
        ("Telefoonnummer", "phone"),
        ("Téléphone", "phone"),
        ("Uwagi", "fields.note"),
        ("Produto", "product"),
        ("Campaña", "campaign"),
        ("utm_campaign", "utm_campaign"),
        ("Shoe size", None),
    ],
)
def test_columns_are_known_in_several_languages(word: str, target: str | None) -> None:
    assert known_target(word) == target


def test_unknown_columns_are_kept_and_the_map_names_others() -> None:
    file = "mail;Stand;Gerät;OK\na@b.de;7;Archive;nein\n"
    said = taken(file, source_map=SourceMap(fields={"gerät": "product", "ok": "consent.partner_sharing"}))
    assert said.fields == {"Stand": "7"}
    assert said.product == "Archive"
    assert [(each.purpose, each.granted) for each in said.consent] == [("partner_sharing", False)]


def test_the_touch_of_a_row_may_be_named_by_the_map() -> None:
    source_map = SourceMap(events={"form.submitted": "event.attended"})
    assert taken("mail\na@b.de\n", source_map=source_map).touch.kind == "event.attended"


@pytest.mark.parametrize(
    "cell", ["=1+1", "@SUM(1+1)", "+cmd|' /C calc'!A0", "-2+3+cmd|'x'!A0", "=HYPERLINK(1)", " =1", "\t=1"]
)
def test_a_formula_refuses_its_row_and_no_other(cell: str) -> None:
    found = rows(f'mail,name,notiz\na@b.de,"{cell}",x\nb@b.de,Bo,"{cell}"\nc@b.de,Cy,ok\n')
    assert found[1] == ["#/rows/1/name"]
    assert found[2] == ["#/rows/2/notiz"]
    assert isinstance(found[3], Submission)


def test_what_only_looks_like_a_formula_is_taken() -> None:
    said = taken('mail,phone,Company size,notiz,handle\n+a@b.de,+49 (0)711 / 555-01,-5,"- wants an offer",@marta\n')
    assert said.person.email == "+a@b.de"
    assert said.person.phone == "+4971155501"
    assert said.fields == {"note": "- wants an offer", "handle": "@marta"}
    blank = taken("mail,phone,city\na@b.de,-,n/a\n")
    assert (blank.person.phone_said, blank.company.city) == (None, None)


def test_broken_rows_take_no_other_with_them() -> None:
    found = rows(
        "mail,name\n"
        "a@b.de,Ann\n"
        'b@b.de,"Bo\n'  # never closed
        "c@b.de,Cy\n"
        'd@b.de,"Di"x\n'
        "e@b.de,Ed,extra\n"
        "f@b.de\n"
        "\n"
        "g@b.de,Gu,,\n"
        "h@b.de,H\0a\n"
    )
    assert {number: outcome for number, outcome in found.items() if isinstance(outcome, list)} == {
        2: ["#/rows/2"],
        4: ["#/rows/4"],
        5: ["#/rows/5"],
        9: ["#/rows/9/name"],
    }
    emails = {number: each.person.email for number, each in found.items() if isinstance(each, Submission)}
    assert emails == {1: "a@b.de", 3: "c@b.de", 6: "f@b.de", 8: "g@b.de"}


def test_a_cell_that_is_too_long_refuses_its_row() -> None:
    found = rows("mail,notiz\na@b.de," + "x" * 8001 + "\nb@b.de," + "x" * 200_000 + "\nc@b.de,x\n")
    assert found[1] == ["#/rows/1/notiz"]
    assert found[2] == ["#/rows/2"]
    assert isinstance(found[3], Submission)


def test_a_missing_e_mail_is_pointed_at_in_the_words_of_the_header() -> None:
    assert rows("Name;E-Mail/Adresse;mail\nAnn;;\n") == {1: ["#/rows/1/E-Mail~1Adresse"]}
    assert rows("Name;E-Mail\nAnn;\n") == {1: ["#/rows/1/E-Mail"]}


def test_a_row_keeps_its_key_in_another_order() -> None:
    key = taken("mail,name\na@b.de,Ann\n").submission_key
    assert taken("mail,name\nc@b.de,Cy\na@b.de,Ann\n", 2).submission_key == key
    assert taken("Name;E-Mail\nAnn;a@b.de\n").submission_key == key
    assert taken("mail,name\na@b.de,Anne\n").submission_key != key


def test_excels_hint_names_the_delimiter() -> None:
    assert taken("sep=|\nmail|name\na@b.de|Ann\n").person.first_name == "Ann"


@pytest.mark.parametrize(
    ("file", "pointer"),
    [
        ("", "#/header"),
        ("\n\n", "#/header"),
        ("name,firma\nAnn,Kern\n", "#/header"),
        ('mail,"name\nx', "#/header"),
        ("mail" + ",x" * 200 + "\n", "#/header"),
        ("mail\n" + "a@b.de\n" * 50_001, "#/rows"),
    ],
    ids=["empty", "blank", "no e-mail", "broken", "too wide", "too long"],
)
def test_a_file_that_cannot_be_taken_at_all(file: str, pointer: str) -> None:
    with pytest.raises(BadPayload) as refused:
        read_csv(file.encode(), received_at=NOW, source_map=SourceMap())
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


def test_a_file_that_is_no_text() -> None:
    with pytest.raises(UnreadablePayload):
        read_csv(b"\xff\xfe\x00\xd8\x00", received_at=NOW, source_map=SourceMap())


@given(st.text(alphabet='ab@.de;,"=\n\r\t+-\0 é', max_size=200) | st.text(max_size=100))
def test_whatever_the_rows_hold_each_is_taken_or_refused(text: str) -> None:
    for row in read_csv(f"mail;name\n{text}".encode(errors="replace"), received_at=NOW, source_map=SourceMap()):
        assert isinstance(row.outcome, Accepted | RowError)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_the_file_is_read_or_refused(body: bytes) -> None:
    outcome: object = None
    try:
        outcome = list(read_csv(body, received_at=NOW, source_map=SourceMap()))
    except (BadPayload, UnreadablePayload) as refused:
        outcome = refused
    assert outcome is not None

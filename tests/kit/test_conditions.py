"""The condition language: what matches, what it says when it does not, and what is no condition."""

from __future__ import annotations

from typing import Any

import pytest

from leadway.conditions import BadCondition, Known, Mention, parse
from leadway.decider import Fault

LEAD: dict[str, object] = {
    "country": "PL",
    "postal_code": "00-950",
    "employees": 1000,
    "campaign": ("health-emea-q4", "7015g000000abcdAAA"),
    "touch": "content.downloaded",
    "region": " ",
    "fields.budget": "25000",
    "fields.sites": "About forty",
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"country": ["DE", "pl"]},
        {"country": [" PL "], "employees": {"min": 1000, "max": 1000}},
        {"postal_code": ["00950"]},
        {"postal_code": ["00-9*"]},
        {"campaign": ["HEALTH-EMEA-Q4"]},
        {"touch": ["content.*"]},
        {"employees": [999, 1000.0]},
        {"region": {"present": False}, "product": {"present": False}, "country": {"present": True}},
        {"fields.budget": {"min": 10_000}},
        {"fields.budget": [25_000]},
        {"any": [{"country": ["DE"]}, {"employees": {"min": 5}}]},
        {"not": {"country": ["DE"]}},
        {"not": {"product": ["imaging"]}},
        {"country": ["PL"], "product": None},
        {"employees": {"min": 5, "max": None}},
    ],
)
def test_matches(document: dict[str, Any]) -> None:
    condition = parse(document)
    assert condition.matches(LEAD)
    assert condition.explain(LEAD).matched
    assert condition.explain(LEAD).failed == ()


@pytest.mark.parametrize(
    ("document", "failed"),
    [
        ({"country": ["DE", "AT"]}, 'country: "PL" is none of DE, AT'),
        ({"product": ["imaging"]}, "product: missing, wanted one of imaging"),
        ({"product": {"present": True}}, "product: missing"),
        ({"country": {"present": False}}, 'country: "PL" is there, wanted none'),
        ({"employees": {"min": 2000}}, "employees: 1000 is under 2000"),
        ({"employees": {"max": 99.5}}, "employees: 1000 is over 99.5"),
        ({"score": {"min": 1, "max": 2}}, "score: missing, wanted at least 1 and at most 2"),
        ({"campaign": ["other"]}, 'campaign: "health-emea-q4", "7015g000000abcdAAA" are none of other'),
        ({"touch": ["email.*"]}, 'touch: "content.downloaded" is none of email.*'),
        (
            {"not": {"country": ["PL"], "employees": {"min": 9}}},
            "not: country is one of PL and employees is at least 9",
        ),
        (
            {"any": [{"country": ["DE"]}, {"product": {"present": True}}]},
            'any: (country: "PL" is none of DE), nor (product: missing)',
        ),
    ],
)
def test_says_which_leaf_failed(document: dict[str, Any], failed: str) -> None:
    explained = parse(document).explain(LEAD)
    assert not explained.matched
    assert explained.failed == (failed,)


def test_every_failing_leaf_is_said_and_no_other() -> None:
    explained = parse({"country": ["DE"], "employees": {"min": 5}, "score": {"min": 30}}).explain(LEAD)
    assert explained.failed == ('country: "PL" is none of DE', "score: missing, wanted at least 30")


def test_what_a_person_typed_is_never_repeated() -> None:
    explained = parse({"fields.sites": ["few"], "fields.budget": {"min": 99_000}, "fields.sites ": [1]}).explain(LEAD)
    assert not explained.matched
    assert "forty" not in str(explained)
    assert "25000" not in str(explained)


def test_not_of_a_missing_value_holds_and_presence_can_be_asked_beside_it() -> None:
    assert parse({"not": {"country": ["PL"]}}).matches({})
    assert not parse({"not": {"country": ["PL"]}, "country": {"present": True}}).matches({})


NO_CONDITIONS: list[tuple[object, str]] = [
    ("PL", "#"),
    (["PL"], "#"),
    ({"country": "PL"}, "#/country"),
    ({"country": []}, "#/country"),
    ({"country": [""]}, "#/country/0"),
    ({"country": ["*"]}, "#/country/0"),
    ({"country": ["P\0L"]}, "#/country/0"),
    ({"country": ["x" * 201]}, "#/country/0"),
    ({"country": ["PL"] * 1001}, "#/country"),
    ({"postal_code": [1010]}, "#/postal_code/0"),
    ({"country": [None]}, "#/country/0"),
    ({"country": {"min": 1}}, "#/country"),
    ({"employees": {"min": "many"}}, "#/employees/min"),
    ({"employees": {"min": True}}, "#/employees/min"),
    ({"employees": {"min": float("nan")}}, "#/employees/min"),
    ({"employees": {"max": 10**400}}, "#/employees/max"),
    ({"employees": {"min": 5, "max": 4}}, "#/employees"),
    ({"employees": {}}, "#/employees"),
    ({"employees": {"least": 4}}, "#/employees/least"),
    ({"employees": {"present": 1}}, "#/employees/present"),
    ({"employees": {"present": True, "min": 1}}, "#/employees"),
    ({"employees": ["many"]}, "#/employees/0"),
    ({"contry": ["PL"]}, "#/contry"),
    ({"fields.": ["x"]}, "#/fields."),
    ({"fields.*": ["x"]}, "#/fields.*"),
    ({"fields.x": [[1]]}, "#/fields.x/0"),
    ({"a/b~c": ["x"]}, "#/a~1b~0c"),
    ({"any": {}}, "#/any"),
    ({"any": []}, "#/any"),
    ({"any": [{}]}, "#/any/0"),
    ({"any": ["PL"]}, "#/any/0"),
    ({"not": {"country": None}}, "#/not"),
    ({"not": {"any": [{"country": "PL"}]}}, "#/not/any/0/country"),
]


@pytest.mark.parametrize(("document", "pointer"), NO_CONDITIONS)
def test_what_is_no_condition_is_pointed_at(document: object, pointer: str) -> None:
    with pytest.raises(BadCondition) as refused:
        parse(document)
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


def test_every_fault_is_named_at_once_under_the_callers_pointer() -> None:
    document = {"contry": ["PL"], "employees": {"min": 9, "max": 1}, "any": [{"score": ["x", 1, "y"]}]}
    with pytest.raises(BadCondition) as refused:
        parse(document, pointer="#/rules/3/when")
    assert refused.value.status == 422
    assert refused.value.errors == (
        Fault("#/rules/3/when/contry", "is no field that can be asked for here; did you mean country?"),
        Fault("#/rules/3/when/employees", "has a min above its max, so nothing matches"),
        Fault("#/rules/3/when/any/0/score/0", "must be a number of ordinary size"),
        Fault("#/rules/3/when/any/0/score/2", "must be a number of ordinary size"),
    )


def test_what_is_boundless_is_refused_within_bounds() -> None:
    deep: dict[str, Any] = {"country": ["PL"]}
    for _ in range(5_000):
        deep = {"not": deep}
    wide = {f"unknown-{number}": ["x"] for number in range(5_000)}
    many = {f"fields.{number}": ["x"] for number in range(5_000)}
    for document, faults in ((deep, 1), (wide, 50), (many, 1)):
        with pytest.raises(BadCondition) as refused:
            parse(document)
        assert len(refused.value.errors) == faults


def test_a_place_may_know_fewer_fields_and_only_some_values() -> None:
    known = Known(
        fields=frozenset({"country", "tier", "campaign"}), values={"tier": ["Gold"], "campaign": {"health-q4"}}
    )
    parse({"country": ["anything"], "tier": ["gold"], "campaign": ["HEALTH-Q4", "next-year-*"]}, known)
    with pytest.raises(BadCondition) as refused:
        parse({"score": {"min": 1}, "fields.x": ["y"], "tier": ["gold", "tin"], "not": {"campaign": ["x"]}}, known)
    pointers = [fault.pointer for fault in refused.value.errors]
    assert pointers == ["#/score", "#/fields.x", "#/tier/1", "#/not/campaign/0"]


def test_known_itself_is_checked() -> None:
    with pytest.raises(ValueError, match="contry"):
        Known(fields=frozenset({"contry"}))


def test_tells_what_it_names_and_where() -> None:
    condition = parse(
        {"campaign": ["A", "b*"], "any": [{"not": {"campaign": ["c"]}}, {"fields.size": ["big"]}]}, pointer="#/when"
    )
    assert condition.fields() == {"campaign", "fields.size"}
    assert condition.asks_form
    assert condition.mentions("campaign") == (
        Mention("A", "#/when/campaign/0"),
        Mention("c", "#/when/any/0/not/campaign/0"),
    )
    assert condition.values_of("campaign") == {"a", "c"}
    assert condition.values_of("country") == frozenset()


def test_explanations_are_bounded() -> None:
    condition = parse({f"fields.{number}": ["x" * 200] * 50 for number in range(100)})
    failed = condition.explain({}).failed
    assert len(failed) == 21
    assert failed[-1] == "and more"
    assert all(len(line) <= 500 for line in failed)

"""What holds for every condition and every lead."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadway.conditions import FAULTS_MAX, BadCondition, parse
from leadway.decider import Fault

WORDS = st.sampled_from(["PL", "pl", "DE", "de ", "70", "7046", "70*", "health-q4"])
NUMBERS = st.integers(0, 10) | st.floats(0, 10)
TEXT_FIELDS = st.sampled_from(["country", "postal_code", "campaign", "fields.note"])
NUMBER_FIELDS = st.sampled_from(["employees", "score", "fields.seats"])
PRESENCE = st.fixed_dictionaries({"present": st.booleans()})


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, float]:
    least, most = sorted((draw(NUMBERS), draw(NUMBERS)))
    return draw(st.sampled_from([{"min": least}, {"max": most}, {"min": least, "max": most}]))


LEAVES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    TEXT_FIELDS, st.lists(WORDS, min_size=1, max_size=3) | PRESENCE, min_size=1, max_size=3
) | (
    st.dictionaries(
        NUMBER_FIELDS, st.lists(NUMBERS, min_size=1, max_size=3) | bounds() | PRESENCE, min_size=1, max_size=2
    )
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def put(leaves: dict[str, Any], choices: list[dict[str, Any]], without: dict[str, Any]) -> dict[str, Any]:
        return {**leaves, "any": choices, "not": without}

    return st.builds(put, LEAVES, st.lists(inner, min_size=1, max_size=3), inner)


CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.recursive(LEAVES, _nested, max_leaves=6)
VALUES = st.dictionaries(
    TEXT_FIELDS | NUMBER_FIELDS,
    st.none() | WORDS | NUMBERS | st.lists(WORDS, max_size=2) | st.lists(NUMBERS, max_size=2),
    max_size=5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["any", "not", "country", "score", "min", "present", "fields.x", "?"]), inner)
    ),
)


@given(document=CONDITIONS, values=VALUES)
def test_an_explanation_agrees_with_the_match_and_names_a_failure_exactly_where_there_is_one(
    document: dict[str, Any], values: dict[str, object]
) -> None:
    condition = parse(document)
    explained = condition.explain(values)
    assert explained.matched is condition.matches(values)
    assert bool(explained.failed) is not explained.matched


@given(document=CONDITIONS, values=VALUES)
def test_not_turns_it_round(document: dict[str, Any], values: dict[str, object]) -> None:
    assert parse({"not": document}).matches(values) is not parse(document).matches(values)


@given(documents=st.lists(CONDITIONS, min_size=1, max_size=3), values=VALUES)
def test_any_holds_where_one_of_them_does(documents: list[dict[str, Any]], values: dict[str, object]) -> None:
    assert parse({"any": documents}).matches(values) is any(parse(each).matches(values) for each in documents)


@given(document=CONDITIONS, values=VALUES)
def test_keys_side_by_side_mean_all(document: dict[str, Any], values: dict[str, object]) -> None:
    alone = [parse({key: asked}).matches(values) for key, asked in document.items()]
    assert parse(document).matches(values) is all(alone)


@given(document=CONDITIONS, values=VALUES)
def test_a_document_means_the_same_after_a_trip_through_json(
    document: dict[str, Any], values: dict[str, object]
) -> None:
    read = parse(json.loads(json.dumps(document)))
    assert read == parse(document)
    assert read.explain(values) == parse(document).explain(values)


@given(document=LEAVES)
def test_a_missing_value_matches_only_its_absence(document: dict[str, Any]) -> None:
    wants_nothing = all(asked == {"present": False} for asked in document.values())
    assert parse(document).matches({}) is wants_nothing


@given(document=JSON)
def test_whatever_json_is_sent_it_is_a_condition_or_a_refusal(document: object) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        parse(document).explain({"country": "PL", "score": 3})
    except BadCondition as refused:
        faults = refused.errors
    assert len(faults) <= FAULTS_MAX
    assert all(fault.pointer.startswith("#") for fault in faults)

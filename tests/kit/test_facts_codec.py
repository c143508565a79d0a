"""Facts and their bytes: there and back, older versions, unknown ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from golden_facts import FACTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from leadway.facts import Envelope, Fact, Undecodable, Unreadable
from leadway.facts import codec as wire_codec
from leadway.facts.codec import (
    decode,
    decode_data,
    encode_data,
    encode_headers,
    known,
    known_in_another_version,
    upcaster,
)
from leadway.facts.scoring import LeadQualified, ModelChanged
from leadway.reference import enveloped, sample, variations

INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def values_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of([values_of(each) for each in types])
        case inspect.StructType(cls=cls):
            return structs(cls)
        case inspect.VarTupleType(item_type=item):
            return st.lists(values_of(item), max_size=2).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values_of(key), values_of(value), max_size=2)
        case _:
            return PLAIN[type(kind)]


PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: st.text(max_size=8),
    inspect.IntType: st.integers(-(2**63), 2**63 - 1),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.BytesType: st.binary(max_size=8),
    inspect.DateTimeType: INSTANTS,
    inspect.DateType: st.dates(),
    inspect.CustomType: JSON_VALUES,
    inspect.AnyType: JSON_VALUES,
}


def structs(cls: type[Any]) -> st.SearchStrategy[Any]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return st.builds(cls, **{field.name: values_of(field.type) for field in info.fields})


ANY_FACT = st.sampled_from(FACTS).flatmap(structs)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_FACT)
def test_a_fact_comes_back_as_it_went(fact: Fact) -> None:
    there = encode_data(fact)
    back = decode_data(fact.wire, there)
    assert back == fact
    assert encode_data(back) == there


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_an_envelope_comes_back_as_it_went(cls: type[Fact]) -> None:
    for fact in variations(cls):
        sent = enveloped(fact)
        assert decode(encode_headers(sent), encode_data(fact)) == sent


def test_bytes_do_not_depend_on_the_order_in_which_a_dict_was_filled() -> None:
    pairs: list[tuple[str, object]] = [("fit", []), ("engagement", []), ("qualify", [])]
    one, other = (ModelChanged(entity_id="model", document=dict(filled)) for filled in (pairs, pairs[::-1]))
    assert encode_data(one) == encode_data(other)


def test_a_fact_with_fields_of_a_later_release_is_read() -> None:
    fact = sample(LeadQualified)
    grown = msgspec.json.encode({**msgspec.json.decode(encode_data(fact)), "said_by": "a later release"})
    assert decode_data(fact.wire, grown) == fact


@pytest.fixture
def older_versions() -> Iterator[None]:
    before = wire_codec._UPCASTERS.copy()

    @upcaster("lead.warmed.v1", "lead.warmed.v2")
    def rename(data: dict[str, object]) -> dict[str, object]:
        return {**data, "label": data["rule"]}

    @upcaster("lead.warmed.v2", "lead.qualified.v1")
    def count(data: dict[str, object]) -> dict[str, object]:
        return {**data, "model_version": int(cast("str", data["model"]))}

    @upcaster("lead.circled.v1", "lead.circled.v2")
    @upcaster("lead.circled.v2", "lead.circled.v1")
    def same(data: dict[str, object]) -> dict[str, object]:
        return data

    yield
    wire_codec._UPCASTERS.clear()
    wire_codec._UPCASTERS.update(before)


@pytest.mark.usefixtures("older_versions")
def test_an_older_version_is_taken_to_the_newest_step_by_step() -> None:
    data = b'{"lead_id":"lead_1","score":61.5,"model":"4","rule":"warm"}'
    assert known("lead.warmed.v1")
    read = decode_data("lead.warmed.v1", data)
    assert read == LeadQualified(lead_id="lead_1", score=61.5, model_version=4, label="warm")


@pytest.mark.usefixtures("older_versions")
@pytest.mark.parametrize("data", [b'{"lead_id":"lead_1"}', b"[]", b"not json", b'{"rule":1,"model":"x"}'])
def test_an_older_version_of_the_wrong_shape_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_data("lead.warmed.v1", data)


@pytest.mark.usefixtures("older_versions")
def test_upcasters_in_a_circle_are_said_to_be() -> None:
    with pytest.raises(Undecodable, match="circle"):
        decode_data("lead.circled.v1", b"{}")


@pytest.mark.parametrize(
    ("name", "is_known", "to_park"),
    [
        ("lead.captured.v1", True, False),
        ("lead.captured.v9", False, True),
        ("party.thrown.v1", False, False),
        ("lead", False, False),
        ("", False, False),
    ],
)
def test_an_unknown_name_is_skipped_and_an_unknown_version_parked(name: str, is_known: bool, to_park: bool) -> None:  # noqa: FBT001 a table's columns
    assert (known(name), known_in_another_version(name)) == (is_known, to_park)


def test_what_is_wrong_is_said_without_the_data_itself() -> None:
    with pytest.raises(Undecodable) as caught:
        decode_data(
            "lead.qualified.v1", b'{"lead_id":"lead_1","score":"ann@example.com","model_version":1,"label":"l"}'
        )
    assert "score" in str(caught.value)
    assert "ann@example.com" not in str(caught.value)


@pytest.mark.parametrize("lost", ["ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_sequence", "ce_actor"])
def test_a_record_without_a_whole_envelope_is_unreadable(lost: str) -> None:
    envelope: Envelope = enveloped(sample(LeadQualified))
    headers = {name: value for name, value in encode_headers(envelope).items() if name != lost}
    with pytest.raises(Unreadable):
        decode(headers, encode_data(envelope.data))


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b'{"entity_id":"\xff"}', b'{"entity_id":"model","document":' + b'{"a":' * 5000 + b"1" + b"}" * 5001],
    ids=["nothing", "null", "not UTF-8", "nested too deep"],
)
def test_data_that_no_release_wrote_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_data("model.changed.v1", data)

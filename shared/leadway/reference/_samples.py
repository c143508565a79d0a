"""Example facts, made from the facts' own definitions: for the reference, and wherever one of each kind is needed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
from msgspec import inspect

from leadway import ids
from leadway.facts import Envelope, Fact
from leadway.facts.personal import Note, Sealed, seal

_AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
_DAY = date(2026, 3, 31)
_PREFIXES = {
    "lead_id": "lead",
    "previous_lead_id": "lead",
    "with_lead_id": "lead",
    "person_id": "per",
    "company_id": "com",
    "source_id": "src",
    "campaign_id": "cmp",
    "partner_id": "ptr",
    "parent_id": "ptr",
    "brought_by": "ptr",
    "with_partner_id": "ptr",
    "assignment_id": "asg",
    "pooling_id": "pool",
    "opportunity_id": "opp",
    "deal_id": "deal",
    "with_deal_id": "deal",
    "activity_id": "act",
    "spend_id": "spend",
    "endpoint_id": "end",
    "fact_id": "fact",
    "from_fact": "fact",
    "scored_fact": "fact",
    "closed_by": "fact",
    "reopened_by": "fact",
    "missed_fact": "fact",
    "stopped_by": "fact",
    "met_by": "fact",
    "breach": "fact",
    "input": "fact",
}
_WORDS = {
    "currency": "EUR",
    "country": "PL",
    "region": "PL-MZ",
    "city": "Warszawa",
    "postal_code": "00-001",
    "domain": "example.com",
    "url": "https://example.com/hooks",
    "tier": "gold",
    "kind": "form.submitted",
    "fact_type": "lead.assigned",
    "method": "round_robin",
    "asked": "qualified",
    "cam": "anna",
    "created_by": "user:anna",
}
_ENTITIES = {"campaign": "cmp", "campaign-spend": "cmp", "source": "src", "partner": "ptr", "endpoint": "end"}


def identifier(prefix: str) -> str:
    """The one example id with that prefix."""
    return ids.derive(prefix, _AT, "example")


def sample(cls: type[Fact]) -> Fact:
    """A fact of that kind in which every field says something."""
    return _fact(cls, _struct(cls, cls.wire))


def least(cls: type[Fact]) -> Fact:
    """A fact of that kind with its required fields only."""
    full = _struct(cls, cls.wire)
    return _fact(cls, {field.encode_name: full[field.encode_name] for field in _fields(cls) if field.required})


def choices(cls: type[Fact]) -> Iterator[tuple[str, Fact]]:
    """`sample`, once for each further word that a field of few words may hold; what was chosen, and the fact."""
    for told, document in _choices(cls, cls.wire):
        yield told, _fact(cls, document)


def variations(cls: type[Fact]) -> Iterator[Fact]:
    """`sample`, its `choices`, and `sample` with each of its own optional or yes-or-no fields the other way."""
    full = _struct(cls, cls.wire)
    yield _fact(cls, full)
    for _, fact in choices(cls):
        yield fact
    for field in _fields(cls):
        if not field.required:
            yield _fact(cls, {name: value for name, value in full.items() if name != field.encode_name})


def enveloped(fact: Fact) -> Envelope:
    """A fact in an example envelope."""
    subject = fact.entity_id if hasattr(fact, "entity_id") else identifier("lead")  # type: ignore[attr-defined]
    return Envelope(
        id=identifier("fact"),
        type=fact.wire,
        source=fact.source,
        subject=cast("str", subject),
        time=_AT,
        sequence=1,
        cause=identifier("req"),
        correlation=identifier("lead"),
        actor=f"service:{fact.source}",
        data=fact,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def _fact(cls: type[Fact], document: Mapping[str, object]) -> Fact:
    return msgspec.json.decode(msgspec.json.encode(document), type=cls)


def _fields(cls: type[Any]) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(cls)
    assert isinstance(found, inspect.StructType)  # noqa: S101 every fact is a struct
    return found.fields


def _struct(cls: type[Any], wire: str) -> dict[str, object]:
    if cls is Sealed:
        return {"data": base64.b64encode(seal(Note(text="What a person typed.")).data).decode()}
    return {field.encode_name: _value(field, wire) for field in _fields(cls)}


def _value(field: inspect.Field, wire: str) -> object:
    if isinstance(field.type, inspect.StrType) and field.default not in (msgspec.NODEFAULT, "", None):
        return field.default
    if isinstance(field.type, inspect.BoolType):
        return field.default is not True
    return _of_type(field.type, field.name, wire)


def _of_type(kind: inspect.Type, name: str, wire: str) -> object:  # noqa: PLR0911 a branch for each kind
    match kind:
        case inspect.StrType():
            return _text(name, wire)
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=types):
            return _of_type(next(each for each in types if not isinstance(each, inspect.NoneType)), name, wire)
        case inspect.StructType(cls=cls):
            return _struct(cls, wire)
        case inspect.VarTupleType(item_type=item):
            return [_of_type(item, name, wire)]
        case inspect.DictType(key_type=key, value_type=value):
            return {str(_of_type(key, "name", wire)): _of_type(value, "value", wire)}
        case _:
            return _PLAIN[type(kind)]()


def _text(name: str, wire: str) -> str:
    if name == "entity_id":
        stem = wire.partition(".")[0]
        return identifier(_ENTITIES[stem]) if stem in _ENTITIES else stem
    if name in _PREFIXES:
        return identifier(_PREFIXES[name])
    return _WORDS.get(name, name.replace("_", "-"))


def _choices(cls: type[Any], wire: str) -> Iterator[tuple[str, dict[str, object]]]:
    if cls is Sealed:
        return
    full = _struct(cls, wire)
    for field in _fields(cls):
        for told, value in _chosen(field.type, field.encode_name, wire):
            yield told, {**full, field.encode_name: value}


def _chosen(kind: inspect.Type, name: str, wire: str) -> Iterator[tuple[str, object]]:
    match kind:
        case inspect.LiteralType(values=values):
            yield from ((f"{name}: {value}", value) for value in values[1:])
        case inspect.UnionType(types=types):
            for each in types:
                yield from _chosen(each, name, wire)
        case inspect.StructType(cls=cls):
            yield from _choices(cls, wire)
        case inspect.VarTupleType(item_type=item):
            yield from ((told, [value]) for told, value in _chosen(item, name, wire))
        case _:
            return


_PLAIN: dict[type[inspect.Type], Callable[[], object]] = {
    inspect.IntType: lambda: 2,
    inspect.FloatType: lambda: 2.5,
    inspect.BoolType: lambda: True,
    inspect.DateTimeType: _AT.isoformat,
    inspect.DateType: _DAY.isoformat,
    inspect.BytesType: lambda: base64.b64encode(b"example").decode(),
    inspect.AnyType: lambda: "anything",
    inspect.CustomType: lambda: "anything",  # `object`: a document of its own
}

"""Checking a document against the types of a native submission, naming every fault at once."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from leadway.decider import Fault
from leadway.ingest.policy.kinds._texts import is_list, is_object

_EXPECTED: Final = re.compile(r"Expected `([^`]*)`(.*?)(?:, got `[^`]*`)?(?: - at `.*`)?$")
_NAMES: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "datetime": "an instant",
}


def faults_in(document: object, kind: Any, pointer: str = "#") -> Iterator[Fault]:
    """Every place where a JSON document is not of the type `kind`: a struct that forbids unknown fields, of structs,
    tuples, dicts and plain values.
    """
    kind = _without_none(kind)
    if document is None:
        return
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _in_struct(document, kind, pointer)
    elif get_origin(_bare(kind)) is tuple and is_list(document) and _fits(document, kind, list[Any]):
        for index, item in enumerate(document):
            yield from faults_in(item, get_args(_bare(kind))[0], f"{pointer}/{index}")
    elif get_origin(_bare(kind)) is dict and is_object(document) and _fits(document, kind, dict[str, Any]):
        for name, value in document.items():
            yield from faults_in(value, get_args(_bare(kind))[1], f"{pointer}/{escaped(name)}")
    else:
        yield from _in_value(document, kind, pointer)


def escaped(name: str) -> str:
    """A name inside a JSON pointer."""
    return name[:200].replace("~", "~0").replace("/", "~1")


def _in_struct(document: object, kind: type[msgspec.Struct], pointer: str) -> Iterator[Fault]:
    if not is_object(document):
        yield Fault(pointer, "must be an object")
        return
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in document:
        if name not in fields:
            yield Fault(f"{pointer}/{escaped(name)}", "is not a known field")
    for name, field in fields.items():
        if document.get(name) is not None:
            yield from faults_in(document[name], hints[field.name], f"{pointer}/{name}")
        elif field.required:
            yield Fault(f"{pointer}/{name}", "is required")


def _in_value(document: object, kind: Any, pointer: str) -> Iterator[Fault]:
    try:
        msgspec.convert(document, kind)
    except msgspec.ValidationError as wrong:
        yield Fault(pointer, _said(str(wrong), kind))
    else:
        if isinstance(document, str) and "\0" in document:
            yield Fault(pointer, "must not contain a NUL character")


def _fits(document: object, kind: Any, shape: Any) -> bool:
    """Whether the size is right, whatever is inside."""
    metas = _metas(kind)
    try:
        msgspec.convert(document, Annotated[(shape, *metas)] if metas else shape)
    except msgspec.ValidationError:
        return False
    return True


def _said(message: str, kind: Any) -> str:
    if "RFC3339" in message or "timezone" in message:
        return "must be an RFC 3339 instant with its offset, such as 2026-11-22T00:19:42Z"
    choices = [each for each in get_args(_bare(kind)) if isinstance(each, str)]
    if choices:
        return f"must be one of {', '.join(choices)}"
    described = next((each.description for each in _metas(kind) if each.description), None)
    if described is not None and "regex" in message:
        return f"must be {described}"
    expected = _EXPECTED.match(message)
    if expected is None:
        return "is not of the right type"
    names = [_NAMES.get(name, name) for name in expected.group(1).split(" | ") if name != "null"]
    return f"must be {', '.join(names[:-1])}{' or ' if len(names) > 1 else ''}{names[-1]}{expected.group(2)}"


def _metas(kind: Any) -> list[msgspec.Meta]:
    return [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, msgspec.Meta)]


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (types.UnionType, Union):
        inside = [each for each in get_args(kind) if each is not type(None)]
        return inside[0] if len(inside) == 1 else kind
    return kind


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind

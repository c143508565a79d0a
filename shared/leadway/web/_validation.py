"""What is wrong in a request, as faults with pointers into what the caller sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from leadway.decider import Fault, InvalidRequest, NotFound, Refusal
from leadway.web._problems import MalformedJson, UnsupportedMediaType

FAULTS_MAX: Final = 100
_POINTER_CHARACTERS_MAX: Final = 300
_FRAGMENT_SAFE: Final = "-._~!$&'()*+,;=:@/?"

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a field that is known here",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "string_unicode": "must be a text in valid Unicode",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "timezone_aware": "must name its time zone, such as 2026-03-01T12:00:00Z",
}
_ABSENT: Final = object()


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer to `path` in the body, as a URI fragment: `#/person/email`; `#` is the whole body."""
    steps = (quote(str(step).replace("~", "~0").replace("/", "~1"), safe=_FRAGMENT_SAFE) for step in path)
    return "".join(["#", *("/" + step for step in steps)])[:_POINTER_CHARACTERS_MAX]


def refusal_of(error: RequestValidationError, request: Request) -> Refusal:
    """What the caller is told where FastAPI found the request not to be as the route declares it."""
    found = cast("Sequence[Mapping[str, Any]]", error.errors())
    for one in found:
        if one["type"] == "json_invalid":
            return _malformed(one, error.body)
    if any(one["loc"][:1] == ("path",) for one in found):
        return NotFound("No such address: an id in it is not of the right form.")
    if isinstance(error.body, bytes) and error.body:
        return _wrong_media_type(request)
    faults = [_fault(one, error.body) for one in found]
    return invalid_request(list(dict.fromkeys(faults)))


def invalid_request(faults: Sequence[Fault]) -> InvalidRequest:
    """The refusal that names `faults`, bounded in number."""
    count = len(faults)
    detail = "One field is not valid." if count == 1 else f"{count} fields are not valid."
    if count > FAULTS_MAX:
        detail += f" The first {FAULTS_MAX} are named."
    return InvalidRequest(detail, faults[:FAULTS_MAX])


def _malformed(one: Mapping[str, Any], document: object) -> MalformedJson:
    offset = int(one["loc"][-1])
    before = document[:offset] if isinstance(document, str) else ""
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    reason = str(one.get("ctx", {}).get("error", "not JSON"))
    return MalformedJson(f"{reason} at line {line}, column {column}.", line=line, column=column, offset=offset)


def _wrong_media_type(request: Request) -> UnsupportedMediaType:
    sent = request.headers.get("content-type")
    was = f"The body was sent as {sent[:100]}" if sent else "The body was sent without a Content-Type"
    return UnsupportedMediaType(f"{was}; this route reads application/json.")


def _fault(one: Mapping[str, Any], body: object) -> Fault:
    where, *path = cast("tuple[str, ...]", one["loc"])
    detail = _WORDS.get(one["type"]) or _plain(str(one["msg"]))
    if where == "body":
        return Fault(pointer(steps_in(path, body, missing=one["type"] == "missing")), detail)
    return Fault(f"{where}:{path[0]}" if path else where, detail)


def steps_in(path: Sequence[str | int], body: object, *, missing: bool) -> list[str | int]:
    """The steps of `path` that exist in `body`: pydantic's also name the branches of unions, which nobody sent.

    `missing`: the last step names a field that is not there.
    """
    steps: list[str | int] = []
    current = body
    for index, step in enumerate(path):
        inner = _into(current, step)
        if inner is not _ABSENT:
            steps.append(step)
            current = inner
        elif missing and index == len(path) - 1:
            steps.append(step)
    return steps


def _into(current: object, step: str | int) -> object:
    if isinstance(current, dict):
        return cast("dict[object, object]", current).get(step, _ABSENT)
    if isinstance(current, list) and isinstance(step, int):
        items = cast("list[object]", current)
        return items[step] if 0 <= step < len(items) else _ABSENT
    return _ABSENT


def _plain(message: str) -> str:
    # Pydantic's own words say what was expected, never what was sent; only their beginning is rewritten.
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    if message.startswith("Input should be "):
        return "must be " + message.removeprefix("Input should be ")
    return message

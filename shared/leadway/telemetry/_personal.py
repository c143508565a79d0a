"""Keeps people out of the logs."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, cast

PERSONAL_KEYS: Final = frozenset(
    {
        "address",
        "authorization",
        "body",
        "cookie",
        "deal_name",
        "email",
        "fields",
        "first_name",
        "full_name",
        "headers",
        "key",
        "last_name",
        "note",
        "payload",
        "person",
        "personal",
        "phone",
        "query",
        "secret",
        "token",
        "url",
    }
)
"""Names under which personal data and secrets travel elsewhere in the product; no log entry has them."""

_DEPTH_MAX: Final = 4


def drop_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: entries under personal names are replaced by a mark, also inside of mappings and lists."""
    return cast("MutableMapping[str, Any]", _without(event, _DEPTH_MAX))


def _without(value: object, depth: int) -> object:
    if isinstance(value, Mapping):
        if not depth:
            return "(too deep)"
        entries = cast("Mapping[str, object]", value)
        return {
            name: "(left out)" if name.lower() in PERSONAL_KEYS else _without(inner, depth - 1)
            for name, inner in entries.items()
        }
    if isinstance(value, list | tuple):
        return [_without(item, depth - 1) for item in cast("list[object]", value)] if depth else "(too deep)"
    return value

"""Values of tools as text, within bounds, and instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeGuard
from urllib.parse import parse_qsl, urlsplit

import msgspec

TEXT_LENGTH_MAX: Final = 8_000
NAME_LENGTH_MAX: Final = 300
URL_LENGTH_MAX: Final = 2_000
FIELDS_MAX: Final = 200
FIELD_NAME_LENGTH_MAX: Final = 120
AGE_MAX: Final = timedelta(days=3_660)
AHEAD_MAX: Final = timedelta(days=1)
"""How far a sender's clock may be ahead; what it says is then taken for the moment of receipt."""

_MILLISECONDS_FROM: Final = 100_000_000_000
_QUERY_FIELDS_MAX: Final = 200


def text_of(value: object, length_max: int = TEXT_LENGTH_MAX) -> str:
    """What a tool sent, as text: lists joined, objects as JSON, without NUL, cut to a bound; blank for nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = str(value)
    elif is_list(value) and all(isinstance(each, str | int | float) for each in value):
        text = ", ".join(map(text_of, value))
    else:
        text = msgspec.json.encode(value).decode()
    text = text.strip()[:length_max]
    return text.replace("\0", "") if "\0" in text else text


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object, empty where it is something else."""
    return value if is_object(value) else {}


def sequence(value: object) -> Sequence[object]:
    """A JSON array, empty where it is something else."""
    return value if is_list(value) else ()


def instant(value: object) -> datetime | None:
    """A moment out of RFC 3339 text, or seconds or milliseconds since 1970; UTC where no zone is said."""
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            said = datetime.fromisoformat(value.strip())
            return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def believable(said: datetime | None, received_at: datetime) -> datetime:
    """When a tool says that it happened, or when it was received if that cannot be: no lead is lost by a clock."""
    if said is None or not received_at - AGE_MAX <= said <= received_at:
        return received_at
    return said


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=_QUERY_FIELDS_MAX)
    except ValueError:
        return {}
    return {name.casefold(): value for name, value in reversed(pairs)}

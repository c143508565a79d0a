"""The JSON of tools."""

from __future__ import annotations

import hashlib

import msgspec

from leadway.decider import Fault
from leadway.ingest.policy.kinds._texts import is_object
from leadway.ingest.policy.refusals import BadPayload, UnreadablePayload

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_json(body: bytes) -> object:
    """The document in a body. Raises UnreadablePayload."""
    try:
        return msgspec.json.decode(body.removeprefix(_BYTE_ORDER_MARK))
    except msgspec.DecodeError as wrong:
        raise UnreadablePayload(f"The body is no JSON document: {wrong}.") from None
    except UnicodeDecodeError:
        raise UnreadablePayload(f"The body is not in UTF-8{_out_of_place(body)}.") from None
    except RecursionError:
        raise UnreadablePayload("The body is nested too deep.") from None


def _out_of_place(body: bytes) -> str:
    # The decoder counts from the beginning of the text in which it met the byte, not of the body.
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return f": byte {wrong.start} is out of place"
    return ""


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object in a body. Raises UnreadablePayload, BadPayload."""
    document = read_json(body)
    if not is_object(document):
        raise BadPayload("The body is no JSON object.", [Fault("#", "must be a JSON object")])
    return document


def digest(*parts: bytes) -> str:
    """A key for what has no id of its own: the same bytes, the same key."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()

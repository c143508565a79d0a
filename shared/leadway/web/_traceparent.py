"""W3C trace context: one traceparent for each request, kept for what the request leads to."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar, Token
from typing import Final

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_VERSION: Final = "00"
_VERSION_INVALID: Final = "ff"
_SAMPLED: Final = "01"
_current: ContextVar[str | None] = ContextVar("leadway_traceparent", default=None)


def continue_trace(header: str | None) -> str:
    """The traceparent of our part of a trace: the caller's where `header` is a valid one, else a new one."""
    drawn = os.urandom(24).hex()
    span = drawn[:16]
    match = _FORM.fullmatch(header.strip()) if header else None
    if match is not None:
        version, trace, parent, flags, rest = match.groups()
        known = version == _VERSION and not rest
        if version != _VERSION_INVALID and (known or version != _VERSION) and int(trace, 16) and int(parent, 16):
            return f"{_VERSION}-{trace}-{span}-{flags}"
    return f"{_VERSION}-{drawn[16:]}-{span}-{_SAMPLED}"


def current_traceparent() -> str | None:
    """The traceparent of the request that is being answered; None outside of one."""
    return _current.get()


def trace_id(traceparent: str | None) -> str | None:
    """The part of a traceparent that all spans of a trace share."""
    return traceparent.split("-")[1] if traceparent else None


def enter_trace(traceparent: str) -> Token[str | None]:
    """Make `traceparent` the current one; give the token back to `leave_trace`."""
    return _current.set(traceparent)


def leave_trace(token: Token[str | None]) -> None:
    """Undo `enter_trace`."""
    _current.reset(token)

"""When a message is tried again, when it is given up, and when an endpoint rests.

What an endpoint answers is about the message (it refused it: 3xx, most 4xx) or about the endpoint itself (it is slow,
broken or busy: time-outs, 5xx, 408, 429). Only the first kind uses up a message's attempts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_OK: Final = range(200, 300)
_SERVER_ERRORS: Final = range(500, 600)
_REQUEST_TIMEOUT: Final = 408
_GONE: Final = 410
_TOO_MANY: Final = 429
_SERVICE_UNAVAILABLE: Final = 503
_JITTER_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Retries:
    """The schedules, in seconds.

    `message_delays`: after the first, second … refusal; after the last one the message is given up.
    `pause_delays`: how long an endpoint rests after so many troubles in a row; the last one repeats for ever.
    """

    message_delays: tuple[float, ...] = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    pause_delays: tuple[float, ...] = (0, 1, 5, 30, 120, 600, 1800, 3600)
    retry_after_seconds_max: float = 3600
    paused_after_seconds: float = 3600
    """An endpoint that has failed for so long is shown, and published, as paused. Probes go on."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An endpoint's answer: its status and, where it sent one, its Retry-After in seconds from now."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer came. `reason` is a code: timeout, connection, tls, name, address-refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint took the message."""

    status: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint wants no more messages: it is to be disabled."""

    status: int = _GONE


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The endpoint refused this message; its attempts are used up one by one."""

    status: int


@dataclass(frozen=True, slots=True)
class EndpointTrouble:
    """The endpoint cannot take messages at the moment; it rests, at least for `retry_after` where it said so."""

    reason: str
    status: int | None = None
    retry_after: float | None = None


Verdict = Delivered | Gone | MessageRefused | EndpointTrouble


def judge(outcome: Answered | Unanswered) -> Verdict:
    """What an attempt's outcome means."""
    if isinstance(outcome, Unanswered):
        return EndpointTrouble(outcome.reason)
    status = outcome.status
    if status in _OK:
        return Delivered(status)
    if status == _GONE:
        return Gone()
    if status in _SERVER_ERRORS or status in {_REQUEST_TIMEOUT, _TOO_MANY}:
        heeded = status in {_TOO_MANY, _SERVICE_UNAVAILABLE}
        return EndpointTrouble(f"http-{status}", status, outcome.retry_after if heeded else None)
    return MessageRefused(status)


def message_delay_seconds(retries: Retries, attempts: int, jitter: float) -> float | None:
    """How long a message waits after its refusal number `attempts` (from 1); None: it is given up.

    `jitter` is a random number in [0, 1): delays are spread over ± 20 %.
    """
    if attempts > len(retries.message_delays):
        return None
    return _spread(retries.message_delays[attempts - 1], jitter)


def pause_seconds(retries: Retries, troubles: int, jitter: float, retry_after: float | None = None) -> float:
    """How long an endpoint rests after so many troubles in a row (from 1), bounded, Retry-After included."""
    index = min(troubles, len(retries.pause_delays)) - 1
    pause = _spread(retries.pause_delays[index], jitter)
    if retry_after is None:
        return pause
    return max(pause, min(retry_after, retries.retry_after_seconds_max))


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """A Retry-After header, seconds or an HTTP date, as seconds from `now`; None where it is absent or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now).total_seconds())


def _spread(seconds: float, jitter: float) -> float:
    return seconds * (1 - _JITTER_SHARE + 2 * _JITTER_SHARE * jitter)

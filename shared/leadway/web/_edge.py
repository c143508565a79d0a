"""The outermost layer of a service: what every request meets before any route.

Plain ASGI, because FastAPI's own layers cost more than the work that some routes do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadway.decider import Refusal
from leadway.stage import OutcomeUnknown, Overloaded
from leadway.telemetry import HttpMetrics
from leadway.web._deadlines import Deadlines
from leadway.web._problems import (
    BodyTooLarge,
    InternalError,
    RequestTimeout,
    problem_response,
)
from leadway.web._traceparent import continue_trace, enter_trace, leave_trace, trace_id

BODY_BYTES_MAX: Final = 256 * 1024
REQUEST_SECONDS_MAX: Final = 30.0
REQUESTS_MAX: Final = 1_000
LARGE_BODIES_BYTES_MAX: Final = 64 * 1024 * 1024

Shortcut = Callable[[Scope], ASGIApp | None]
"""Picks requests that an app of its own answers before FastAPI is asked; None: not this one."""

_log = structlog.get_logger("leadway.web")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost, and all of them at a time. A route declares a larger body by FastAPI's own
    `max_body_size=`; `large_bodies_bytes_max` bounds what such bodies hold together, past which one gets a 503.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    request_seconds_max: float = REQUEST_SECONDS_MAX
    requests_max: int = REQUESTS_MAX
    large_bodies_bytes_max: int = LARGE_BODIES_BYTES_MAX


BodyLimitOf = Callable[[Scope], int]


class Edge:
    """Gives each request a traceparent and a measure, bounds it, and answers for what went wrong inside."""

    def __init__(
        self,
        *,
        limits: Limits,
        body_limit_of: BodyLimitOf,
        shortcuts: Sequence[Shortcut],
        metrics: HttpMetrics,
    ) -> None:
        self.limits = limits
        self.deadlines = Deadlines(limits.request_seconds_max)
        self.body_limit_of = body_limit_of
        self._shortcuts = tuple(shortcuts)
        self._metrics = metrics
        self._requests = 0
        self._large_bodies_bytes = 0

    def shortcut(self, scope: Scope) -> ASGIApp | None:
        """The app that answers this request before FastAPI is asked, where there is one."""
        if scope["type"] == "http":
            for shortcut in self._shortcuts:
                app = shortcut(scope)
                if app is not None:
                    return app
        return None

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer a request."""
        exchange = _Exchange(self, scope, receive, send)
        token = enter_trace(exchange.traceparent)
        started = self._metrics.now()
        self._requests += 1
        try:
            if self._requests > self.limits.requests_max:
                raise Overloaded(f"{self.limits.requests_max} requests are being answered already.")  # noqa: TRY301
            exchange.check_declared_length()
            await app(scope, exchange.receive, exchange.send)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except asyncio.CancelledError:
            if not exchange.deadline.caused():
                raise
            await exchange.refuse(RequestTimeout() if exchange.awaits_body else OutcomeUnknown())
        except Exception as error:  # noqa: BLE001 - the last place where a broken request can still be answered
            # Its text may quote what was sent, so only where it was raised goes to the log.
            _log.error("request failed", **exchange.named(), error=type(error).__name__, exc_info=True)
            await exchange.refuse(InternalError(trace_id=trace_id(exchange.traceparent)))
        finally:
            self._requests -= 1
            self._large_bodies_bytes -= exchange.large_bytes
            self.deadlines.end(exchange.deadline)
            leave_trace(token)
            self._metrics.observe(scope["method"], exchange.status, started, exchange.answered_at)

    def take_large(self, more: int) -> None:
        """Count bytes of a body over the usual size, until its request is answered. Raises Overloaded."""
        self._large_bodies_bytes += more
        if self._large_bodies_bytes > self.limits.large_bodies_bytes_max:
            raise Overloaded("Large bodies are being received already, as many as there is memory for.")


class EdgeMiddleware:
    """The edge around FastAPI's own routes."""

    def __init__(self, app: ASGIApp, *, edge: Edge) -> None:
        self._app = app
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._edge.answer(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its answer, as they pass the edge."""

    __slots__ = (
        "_body_ended",
        "_bytes",
        "_bytes_max",
        "_declared",
        "_edge",
        "_receive",
        "_send",
        "answered_at",
        "awaits_body",
        "deadline",
        "large_bytes",
        "scope",
        "status",
        "traceparent",
    )

    def __init__(self, edge: Edge, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._edge = edge
        self._bytes_max = edge.limits.body_bytes_max
        self._declared: bytes | None = None
        self._bytes = 0
        self.large_bytes = 0
        self._body_ended = False
        self.awaits_body = False
        self.deadline = edge.deadlines.begin()
        self.status = 0
        self.answered_at: float | None = None
        traceparent: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                self._declared = value
            elif name == b"traceparent":
                traceparent = value
        self.traceparent = continue_trace(traceparent.decode("latin-1") if traceparent else None)

    def check_declared_length(self) -> None:
        if self._declared is None or len(self._declared) < len(str(self._bytes_max)):
            return
        self._check(int(self._declared) if self._declared.isdigit() else 0)

    async def receive(self) -> Message:
        # Left as it is where the wait is cut off: then it was the caller who was slow.
        self.awaits_body = not self._body_ended
        message = await self._receive()
        self.awaits_body = False
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > self._edge.limits.body_bytes_max:
                self._check(self._bytes)
                more, self.large_bytes = self._bytes - self.large_bytes, self._bytes
                self._edge.take_large(more)
            self._body_ended = not message.get("more_body", False)
        return message

    def _check(self, size: int) -> None:
        if size <= self._bytes_max:
            return
        # Only a body over the default asks which route this is; the others never pay for the question.
        self._bytes_max = max(self._bytes_max, self._edge.body_limit_of(self.scope))
        if size > self._bytes_max:
            raise BodyTooLarge(f"This route takes bodies up to {self._bytes_max} bytes.", bytes_max=self._bytes_max)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered_at = time.perf_counter()
            # The answer has begun: a stream may go on for as long as it is read.
            self._edge.deadlines.end(self.deadline)
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        if self.status:
            # Half an answer is out already; cutting the connection is all that tells the caller.
            raise ConnectionAbortedError("the answer broke off")
        await problem_response(refusal)(self.scope, self.receive, self.send)

    def named(self) -> dict[str, object]:
        return {"method": self.scope["method"], "trace_id": trace_id(self.traceparent)}

"""The way in for leads: whatever a tool posts to its source, answered only once it is durable.

The busiest route of the product, so it is answered before FastAPI is asked (see leadway.web.Shortcut).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from leadway.clock import Clock
from leadway.decider import NotFound, Refusal
from leadway.facts.ingest import SourceChanged
from leadway.ids import draw
from leadway.ingest.api._capture import Digests, capture_of
from leadway.ingest.api._sources import key_mac
from leadway.ingest.decider import Capture
from leadway.ingest.policy.kinds import google_key, read, read_csv
from leadway.ingest.policy.submission import Accepted, Held, Ignored, Reading, Row
from leadway.ingest.store import hold
from leadway.stage import Answer, Decided, Request, StageRuntime
from leadway.web import BodyTooLarge, Unauthenticated, current_traceparent, idempotency_key

PATH = re.compile(r"/ingest/v1/sources/([^/]+)/leads")
BODY_BYTES_MAX = 256 * 1024
CSV_BYTES_MAX = 16 * 1024 * 1024
_ROWS_AT_ONCE = 500
_PREFLIGHT_SECONDS = "86400"
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Post:
    """What came in."""

    source: SourceChanged
    headers: Mapping[bytes, bytes]
    query: bytes
    path: str
    body: bytes

    @property
    def origin(self) -> str | None:
        """The page that posted, where a browser did."""
        origin = self.headers.get(b"origin")
        return origin.decode("latin-1") if origin else None


@dataclass(slots=True)
class Submissions:
    """Takes what sources post, of every kind."""

    runtime: StageRuntime
    source_secret: bytes
    digests: Digests
    clock: Clock

    def shortcut(self, scope: Scope) -> ASGIApp | None:
        """Picks the requests that are answered here."""
        if scope["method"] in {"POST", "OPTIONS"} and PATH.fullmatch(scope["path"]):
            return self
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = PATH.fullmatch(scope["path"])
        source = await self._source(found.group(1) if found else "")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] == "OPTIONS":
            await _send(send, 204, b"", preflight(source, headers))
            return
        bytes_max = CSV_BYTES_MAX if source.kind == "csv" else BODY_BYTES_MAX
        body = await read_bounded(receive, bytes_max)
        post = Post(source, headers, scope["query_string"], scope["path"], body)
        self._check_key(post)
        answer = await self._csv(post) if source.kind == "csv" else await self._one(post)
        await _send(send, answer.status, _encoder.encode(answer.body), [*cors(post), *leadway_headers(post, answer)])

    async def _source(self, source_id: str) -> SourceChanged:
        held = self.runtime.catalogs_held.get(SourceChanged, source_id)
        if held is None:
            held = (await self.runtime.catalogs()).get(SourceChanged, source_id)
        if held is None:
            raise NotFound(f"There is no source {source_id[:60]}.")
        return held

    def _check_key(self, post: Post) -> None:
        key = key_of(post)
        if key is None:
            raise Unauthenticated("The source's key is missing: send it as X-Leadway-Key or ?key=.")
        if not hmac.compare_digest(key_mac(self.source_secret, key), post.source.key_mac):
            raise Unauthenticated("That is not this source's key.")

    async def _one(self, post: Post) -> Answer:
        now = self.clock.now()
        source = post.source
        reading: Reading = read(source.kind, post.body, received_at=now, source_map=source.map)
        match reading:
            case Accepted(submission) if submission.test:
                return tool_answer(source.kind, "test", None)
            case Accepted(submission):
                return await self.capture(post, capture_of(source, submission, self.digests, now))
            case Held(submission, reason):
                key = submission.submission_key or post.body.decode("latin-1")
                await hold(
                    self.runtime,
                    held_id=draw("held", now),
                    source_id=source.entity_id,
                    digest=self.digests.of(f"{source.entity_id}\n{key}"),
                    reason=reason,
                    body=post.body,
                    at=now,
                )
                return tool_answer(source.kind, "held", None)
            case Ignored():
                return tool_answer(source.kind, "ignored", None)

    async def capture(self, post: Post, command: Capture) -> Answer:
        """Decide one submission durably."""
        source = post.source

        def respond(decided: Decided) -> Answer:
            return tool_answer(source.kind, decided.command.outcome, decided.command.lead_id)

        header = post.headers.get(b"idempotency-key")
        key = None
        if header is not None and source.kind == "native":
            key = idempotency_key(
                header.decode("latin-1"),
                caller=f"source:{source.entity_id}",
                method="POST",
                path=post.path,
                body=post.body,
            )
        return await self.runtime.execute(
            Request(
                command,
                draw("lead"),
                f"source:{source.entity_id}",
                respond=respond,
                idempotency=key,
                traceparent=current_traceparent(),
                fresh=True,
            )
        )

    async def _csv(self, post: Post) -> Answer:
        now = self.clock.now()
        rows = read_csv(post.body, received_at=now, source_map=post.source.map)
        results: list[dict[str, Any]] = []
        while part := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            results += await asyncio.gather(*(self._row(post, row) for row in part))
        return Answer(200, {"results": results})

    async def _row(self, post: Post, row: Row) -> dict[str, Any]:
        if not isinstance(row.outcome, Accepted):
            errors = [{"pointer": fault.pointer, "detail": fault.detail} for fault in row.outcome.errors]
            return {"row": row.number, "outcome": "refused", "errors": errors}
        now = self.clock.now()
        try:
            answer = await self.capture(post, capture_of(post.source, row.outcome.submission, self.digests, now))
        except Refusal as refusal:
            errors = [{"pointer": f"#/rows/{row.number}", "detail": f"{refusal.title()}. {refusal.detail}"}]
            outcome = "refused" if refusal.status < _TRY_AGAIN else "try-again"
            return {"row": row.number, "outcome": outcome, "errors": errors}
        return {"row": row.number, **answer.body}


_TRY_AGAIN = 500


def key_of(post: Post) -> str | None:
    """The key that came with a request, wherever its tool puts it."""
    header = post.headers.get(b"x-leadway-key")
    if header is not None:
        return header.decode("latin-1")
    if post.query:
        named = parse_qs(post.query.decode("latin-1")).get("key")
        if named:
            return named[0]
    if post.source.kind == "google-ads":
        return google_key(post.body)
    authorization = post.headers.get(b"authorization", b"")
    if authorization[:6].lower() == b"basic ":
        try:
            return base64.b64decode(authorization[6:]).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def tool_answer(kind: str, outcome: str, lead_id: str | None) -> Answer:
    """What the tool expects to hear; what came of it is in `Leadway-…` headers, or in the body of our own kinds."""
    named = {"lead_id": lead_id} if lead_id else {}
    headers = {"Leadway-Outcome": outcome, **({"Leadway-Lead": lead_id} if lead_id else {})}
    match kind:
        case "native":
            return Answer(202, {**named, "outcome": outcome}, headers)
        case "csv":
            return Answer(200, {**named, "outcome": outcome}, headers)
        case "hubspot-form":
            return Answer(200, {"inlineMessage": "Thank you for your interest. We will be in touch."}, headers)
        case "segment-track":
            return Answer(200, {"success": True}, headers)
        case _:
            return Answer(200, {}, headers)


def leadway_headers(post: Post, answer: Answer) -> list[tuple[bytes, bytes]]:
    """The outcome as headers, but never to a browser: a public key must not tell which e-mails are known."""
    if post.origin is not None:
        return []
    return [(name.encode(), value.encode()) for name, value in answer.headers.items()]


def cors(post: Post) -> list[tuple[bytes, bytes]]:
    """That this page may read the answer, where the source allows its origin."""
    if post.origin is None or post.origin not in post.source.origins:
        return []
    return [(b"access-control-allow-origin", post.origin.encode()), (b"vary", b"Origin")]


def preflight(source: SourceChanged, headers: Mapping[bytes, bytes]) -> Sequence[tuple[bytes, bytes]]:
    """What a browser asks before it posts a form."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin not in source.origins:
        return []
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", _PREFLIGHT_SECONDS.encode()),
        (b"vary", b"Origin"),
    ]


async def read_bounded(receive: Receive, bytes_max: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as more came."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        chunks = [body]
        size = len(body)
        while message.get("more_body", False) and size <= bytes_max:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        body = b"".join(chunks)
    if len(body) > bytes_max:
        raise BodyTooLarge(f"Bodies up to {bytes_max} bytes are taken here.", bytes_max=bytes_max)
    return body


async def _send(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    length = [(b"content-length", b"%d" % len(body))]
    kind = [(b"content-type", b"application/json")] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *length, *headers]})
    await send({"type": "http.response.body", "body": body})

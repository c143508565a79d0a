"""The way in for leads: whatever a tool posts to its source, answered only once it is durable.

The busiest route of the product, so it is answered before FastAPI is asked (see leadway.web.Shortcut).
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from leadway.clock import Clock
from leadway.decider import NotFound, Refusal
from leadway.facts.ingest import SourceChanged
from leadway.ids import draw
from leadway.ingest.api._capture import Digests, capture_of
from leadway.ingest.api._sources import key_mac
from leadway.ingest.api._tools import (
    Post,
    cors,
    key_in_body,
    key_of,
    key_place,
    leadway_headers,
    preflight,
    tool_answer,
)
from leadway.ingest.decider import Capture
from leadway.ingest.policy.kinds import read, read_csv
from leadway.ingest.policy.submission import Accepted, Held, Ignored, Reading, Row
from leadway.ingest.store import hold
from leadway.stage import Answer, Decided, Request, StageRuntime
from leadway.web import (
    BadRequest,
    BodyTooLarge,
    current_traceparent,
    idempotency_key,
    problem_response,
)

_BEFORE = "/ingest/v1/sources/"
_BEHIND = "/leads"
BODY_BYTES_MAX = 256 * 1024
CSV_BYTES_MAX = 16 * 1024 * 1024
_ROWS_AT_ONCE = 500
_TRY_AGAIN = 500  # statuses from here on say nothing about the row itself
# A scheme of our own: for `Basic` a browser would ask whoever fills in a form.
_CHALLENGE = 'LeadwayKey realm="leadway"'
_encoder = msgspec.json.Encoder()


class SourceKeyNeeded(Refusal):
    """The key of the source is needed.

    A source takes leads from whoever has its key, which was shown when the source was made; tokens open nothing here.
    Send it as `X-Leadway-Key` or as `?key=`, or where the source's tool puts it: Google Ads as `google_key` in the
    body, Segment as the user of basic authentication. Nothing was taken.
    """

    slug = "source-key-needed"
    status = 401


@dataclass(slots=True)
class Submissions:
    """Takes what sources post, of every kind."""

    runtime: StageRuntime
    source_secret: bytes
    digests: Digests
    clock: Clock

    def shortcut(self, scope: Scope) -> ASGIApp | None:
        """Picks the requests that are answered here."""
        path: str = scope["path"]
        if path.startswith(_BEFORE) and path.endswith(_BEHIND) and scope["method"] in {"POST", "OPTIONS"}:
            source_id = path[len(_BEFORE) : -len(_BEHIND)]
            return self if source_id and "/" not in source_id else None
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = await self._source(scope["path"][len(_BEFORE) : -len(_BEHIND)])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] == "OPTIONS":
            await _send(send, 204, b"", preflight(source, headers))
            return
        post = Post(source, headers, scope["query_string"], scope["path"])
        try:
            answer = await self._take(post, receive)
        except Refusal as refusal:
            # As the edge would say it, but so that the page that posted may read it.
            shown = {name.decode(): value.decode() for name, value in cors(post)}
            if isinstance(refusal, SourceKeyNeeded):
                shown["WWW-Authenticate"] = _CHALLENGE
            await problem_response(refusal, shown)(scope, receive, send)
            return
        await _send(send, answer.status, _encoder.encode(answer.body), [*cors(post), *leadway_headers(post, answer)])

    async def _take(self, post: Post, receive: Receive) -> Answer:
        kind = post.source.kind
        if not key_in_body(kind):
            self._check_key(post)  # before anything is read: who has no key gets no room for a large file
        post.body = await read_bounded(receive, CSV_BYTES_MAX if kind == "csv" else BODY_BYTES_MAX)
        if key_in_body(kind):
            self._check_key(post)
        return await self._csv(post) if kind == "csv" else await self._one(post)

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
            raise SourceKeyNeeded(f"The source's key is missing. Send it {key_place(post.source.kind)}.")
        if not hmac.compare_digest(key_mac(self.source_secret, key), post.source.key_mac):
            raise SourceKeyNeeded(f"That is not this source's key. It is sent {key_place(post.source.kind)}.")

    async def _one(self, post: Post) -> Answer:
        now = self.clock.now()
        source = post.source
        reading: Reading = read(source.kind, post.body, received_at=now, source_map=source.map)
        match reading:
            case Accepted(submission) | Held(submission) if submission.test:
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


async def read_bounded(receive: Receive, bytes_max: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as more came, BadRequest where the sender went away within it."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body broke off; nothing of it was taken.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > bytes_max:
            raise BodyTooLarge(f"Bodies up to {bytes_max} bytes are taken here.", bytes_max=bytes_max)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    length = [(b"content-length", b"%d" % len(body))]
    kind = [(b"content-type", b"application/json")] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *length, *headers]})
    await send({"type": "http.response.body", "body": body})

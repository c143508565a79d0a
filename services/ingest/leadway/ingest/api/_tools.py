"""The manners of tools: where they put their key, what they expect to hear; and what a browser must not see."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from leadway.facts.ingest import SourceChanged
from leadway.ingest.policy.kinds import google_key
from leadway.stage import Answer

_PREFLIGHT_SECONDS = "86400"


@dataclass(slots=True)
class Post:
    """What came in. `body` is empty until it was read."""

    source: SourceChanged
    headers: Mapping[bytes, bytes]
    query: bytes
    path: str
    body: bytes = b""

    @property
    def origin(self) -> str | None:
        """The page that posted, where a browser did."""
        origin = self.headers.get(b"origin")
        return origin.decode("latin-1") if origin else None


def key_in_body(kind: str) -> bool:
    """Whether a tool puts its key into the body, so that it can be checked only after reading."""
    return kind == "google-ads"


def key_place(kind: str) -> str:
    """Where a source's key is to be sent, in words."""
    match kind:
        case "google-ads":
            return "as `google_key` in the body"
        case "segment-track":
            return "as the user of basic authentication, as X-Leadway-Key or as ?key="
        case _:
            return "as X-Leadway-Key or as ?key="


def key_of(post: Post) -> str | None:
    """The key that came with a request, wherever its tool puts it.

    Raises UnreadablePayload or BadPayload where it belongs into a body that cannot hold one.
    """
    header = post.headers.get(b"x-leadway-key")
    if header is not None:
        return header.decode("latin-1")
    if post.query:
        named = parse_qs(post.query.decode("latin-1")).get("key")
        if named:
            return named[0]
    if key_in_body(post.source.kind):
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
        (b"access-control-allow-headers", b"content-type, x-leadway-key, idempotency-key"),
        (b"access-control-max-age", _PREFLIGHT_SECONDS.encode()),
        (b"vary", b"Origin"),
    ]

"""What every service may answer when it does not do what was asked, and how that becomes a problem document.

A service's own refusals live beside what raises them, and so do the runtime's; here are those of the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from fastapi import Response

from leadway.decider import Refusal
from leadway.stage import Answer

PROBLEM_MEDIA_TYPE = "application/problem+json"


class BadRequest(Refusal):
    """The request cannot be understood.

    Something outside the body's fields is not as HTTP or this route wants it; `detail` says what.
    """

    slug = "bad-request"
    status = 400


class MalformedJson(Refusal):
    """The body is not JSON.

    It could not be read at the position that `detail` names. Send one JSON document in UTF-8, without comments,
    trailing commas or single quotes.
    """

    slug = "malformed-json"
    status = 400


class Unauthenticated(Refusal):
    """A valid token is needed.

    Send `Authorization: Bearer <token>` with a token of this deployment: signed by its key, for its audience, naming
    a subject and a role. `leadway token --role …` issues one.
    """

    slug = "unauthenticated"
    status = 401


class TokenExpired(Unauthenticated):
    """The token has expired.

    Get a new one (`leadway token --role …`, or the identity provider) and send the request again.
    """

    slug = "token-expired"


class MethodNotAllowed(Refusal):
    """This address does not know that method.

    The `Allow` header names those that it knows.
    """

    slug = "method-not-allowed"
    status = 405


class RequestTimeout(Refusal):
    """The request's body did not arrive in time.

    Nothing was done. Send it again, in smaller parts or over a better connection.
    """

    slug = "request-timeout"
    status = 408


class BodyTooLarge(Refusal):
    """The body is too large.

    `bytes_max` is what this route takes. Nothing was done; split what is to be sent.
    """

    slug = "body-too-large"
    status = 413


class UnsupportedMediaType(Refusal):
    """The body's media type is not one that this route reads.

    Send `Content-Type: application/json` with a JSON document, or the media type that the route's documentation names.
    """

    slug = "unsupported-media-type"
    status = 415


class PreconditionRequired(Refusal):
    """The version that is being changed must be named.

    Read the document, and send its `ETag` back as `If-Match`, so that nobody else's change is undone unseen.
    """

    slug = "precondition-required"
    status = 428


class InternalError(Refusal):
    """Something broke on our side.

    Whether the command was carried out is not known; with an `Idempotency-Key` it is safe to send it again. `trace_id`
    finds the log entries of this request.
    """

    slug = "internal-error"
    status = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as it goes over the wire (RFC 9457); `body` is JSON-able."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def problem_of(refusal: Refusal) -> Problem:
    """The problem that tells a caller of `refusal`."""
    # A type has one title, that of its page; a refusal that is a case of it says the rest in its detail.
    named = next(kind for kind in type(refusal).__mro__ if issubclass(kind, Refusal) and "slug" in vars(kind))
    body: dict[str, object] = {
        "type": f"/problems/{refusal.slug}",
        "title": named.title(),
        "status": refusal.status,
    }
    detail = refusal.detail or ("" if named is type(refusal) else f"{type(refusal).title()}.")
    if detail:
        body["detail"] = detail
    if refusal.errors:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in refusal.errors]
    for name, value in refusal.extra.items():
        body.setdefault(name, value)
    headers: dict[str, str] = {}
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="leadway"'
    return Problem(refusal.status, body, headers)


def problem_response(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """`refusal` as a response of media type application/problem+json."""
    problem = problem_of(refusal)
    return Response(
        msgspec.json.encode(problem.body),
        problem.status,
        headers={**problem.headers, **(headers or {})},
        media_type=PROBLEM_MEDIA_TYPE,
    )


def reply(answer: Answer) -> Response:
    """A command's answer, as the runtime gave it, as a response."""
    if answer.body is None:
        return Response(status_code=answer.status, headers=dict(answer.headers))
    return json_response(answer.body, answer.status, answer.headers)


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`body` (anything that msgspec encodes: structs, dicts, instants) as JSON; bytes are taken as JSON already."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, status, headers=dict(headers or {}), media_type="application/json")

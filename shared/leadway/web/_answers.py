"""Exceptions that become problems, whichever layer raised them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from leadway.decider import Forbidden, NotFound, Refusal
from leadway.stage import Overloaded
from leadway.web._problems import (
    BadRequest,
    BodyTooLarge,
    MalformedJson,
    MethodNotAllowed,
    Unauthenticated,
    UnsupportedMediaType,
    problem_response,
)
from leadway.web._validation import refusal_of

_BY_STATUS: Mapping[int, type[Refusal]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    503: Overloaded,
}


async def _refused(_: Request, error: Exception) -> Response:
    return problem_response(cast("Refusal", error))


async def _invalid(request: Request, error: Exception) -> Response:
    return problem_response(refusal_of(cast("RequestValidationError", error), request))


async def _http_error(_: Request, error: Exception) -> Response:
    http = cast("HTTPException", error)
    if isinstance(http.__cause__, Refusal):
        # FastAPI wraps what reading a body raises; the refusal inside knows better.
        return problem_response(http.__cause__)
    if http.status_code == MalformedJson.status and http.__cause__ is not None:
        return problem_response(MalformedJson("The body could not be read as JSON in UTF-8."))
    kind = _BY_STATUS.get(http.status_code, BadRequest)
    return problem_response(kind(), dict(http.headers or {}))


EXCEPTION_HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Refusal: _refused,
    RequestValidationError: _invalid,
    HTTPException: _http_error,
}

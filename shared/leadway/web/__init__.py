"""The web edge: what every service's routes share, from tokens and problems to pages and streams."""

from leadway.web._app import SERVER_OPTIONS, create_app
from leadway.web._bodies import read_body
from leadway.web._commands import Command
from leadway.web._companies import CompanyBody, TermBody
from leadway.web._conditions import condition
from leadway.web._edge import Limits, Shortcut
from leadway.web._gateway import gateway
from leadway.web._health import Check
from leadway.web._idempotency import idempotency, idempotency_key
from leadway.web._instants import Instant
from leadway.web._money import MoneyBody
from leadway.web._paging import Page, PageParams, etag, if_match, page_params, page_response
from leadway.web._problems import (
    BadRequest,
    BodyTooLarge,
    InternalError,
    MalformedJson,
    MethodNotAllowed,
    PreconditionRequired,
    Problem,
    RequestTimeout,
    TokenExpired,
    Unauthenticated,
    UnsupportedMediaType,
    json_response,
    problem_of,
    problem_response,
    reply,
)
from leadway.web._roles import (
    Asked,
    RouteWithoutRoles,
    asking,
    authenticate,
    check_sees_every_lead,
    public,
    require,
    routes_without_roles,
)
from leadway.web._streams import NDJSON_MEDIA_TYPE, SSE_MEDIA_TYPE, StreamItem, last_event_id, stream, wants_events
from leadway.web._tokens import (
    Caller,
    ClaimNames,
    Role,
    TokenVerifier,
    issue_token,
    load_or_create_key,
)
from leadway.web._traceparent import continue_trace, current_traceparent, trace_id
from leadway.web._validation import invalid_request, pointer

__all__ = [
    "NDJSON_MEDIA_TYPE",
    "SERVER_OPTIONS",
    "SSE_MEDIA_TYPE",
    "Asked",
    "BadRequest",
    "BodyTooLarge",
    "Caller",
    "Check",
    "ClaimNames",
    "Command",
    "CompanyBody",
    "Instant",
    "InternalError",
    "Limits",
    "MalformedJson",
    "MethodNotAllowed",
    "MoneyBody",
    "Page",
    "PageParams",
    "PreconditionRequired",
    "Problem",
    "RequestTimeout",
    "Role",
    "RouteWithoutRoles",
    "Shortcut",
    "StreamItem",
    "TermBody",
    "TokenExpired",
    "TokenVerifier",
    "Unauthenticated",
    "UnsupportedMediaType",
    "asking",
    "authenticate",
    "check_sees_every_lead",
    "condition",
    "continue_trace",
    "create_app",
    "current_traceparent",
    "etag",
    "gateway",
    "idempotency",
    "idempotency_key",
    "if_match",
    "invalid_request",
    "issue_token",
    "json_response",
    "last_event_id",
    "load_or_create_key",
    "page_params",
    "page_response",
    "pointer",
    "problem_of",
    "problem_response",
    "public",
    "read_body",
    "reply",
    "require",
    "routes_without_roles",
    "stream",
    "trace_id",
    "wants_events",
]

"""How a service's routes become an app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from leadway.telemetry import HttpMetrics
from leadway.web._answers import EXCEPTION_HANDLERS
from leadway.web._docs import docs_routes
from leadway.web._edge import Edge, EdgeMiddleware, Limits, Shortcut
from leadway.web._front import front_route
from leadway.web._health import Check, ServiceFace, health_routes
from leadway.web._problem_pages import problem_routes
from leadway.web._problems import PROBLEM_MEDIA_TYPE
from leadway.web._roles import RouteWithoutRoles, routes_without_roles
from leadway.web._tokens import TokenVerifier

SERVER_OPTIONS: Mapping[str, Any] = {
    "server_header": False,
    "access_log": False,
    "log_config": None,
    "lifespan": "off",
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 10,
    "h11_max_incomplete_event_size": 64 * 1024,
}
"""What every uvicorn.Config of ours says: `uvicorn.Config(app, host=…, port=…, **SERVER_OPTIONS)`."""

_PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "/problems/<slug>, a page that says what it means and what to do"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def create_app(
    *,
    service: str,
    prefix: str,
    title: str,
    version: str,
    routers: Iterable[APIRouter],
    tokens: TokenVerifier,
    checks: Mapping[str, Check] | None = None,
    registry: CollectorRegistry | None = None,
    limits: Limits | None = None,
    shortcuts: Sequence[Shortcut] = (),
    description: str = "",
) -> FastAPI:
    """The app of one service. Its routers' paths are whole (`/router/v1/…`): nothing is mounted or rewritten.

    `prefix` is the path's first segment, `checks` what must hold to be ready. `shortcuts` are asked before FastAPI,
    behind the same limits, for routes that must cost little. Resources are the host's to open and close: there is no
    lifespan. Raises RouteWithoutRoles where a route names neither roles nor why it is public, ValueError where a
    route's path is outside the prefix.
    """
    face = ServiceFace(service, prefix, title, version, dict(checks or {}), registry or CollectorRegistry())
    app = _ServiceApp(
        title=title,
        version=version,
        description=description,
        openapi_url=f"/{prefix}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": _problem_response_of_openapi()},
    )
    app.state.tokens = tokens
    app.state.face = face
    _add_routes(app, face, routers)
    for kind, handler in EXCEPTION_HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.edge = _edge_of(app, face, limits or Limits(), shortcuts)
    app.add_middleware(EdgeMiddleware, edge=app.edge)
    return app


class _ServiceApp(FastAPI):
    """FastAPI, but for the requests of shortcuts: those meet the edge and none of FastAPI's own layers."""

    edge: Edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shortcut = self.edge.shortcut(scope)
        if shortcut is None:
            await super().__call__(scope, receive, send)
        else:
            await self.edge.answer(shortcut, scope, receive, send)


def _add_routes(app: FastAPI, face: ServiceFace, routers: Iterable[APIRouter]) -> None:
    for router in routers:
        app.include_router(router)
    _check_routes(app, face.prefix)
    faces = {face.prefix: face}
    docs = docs_routes(face.prefix, face.title)
    app.router.routes += [front_route(faces), *health_routes(faces), *problem_routes(), *docs]


def _check_routes(app: FastAPI, prefix: str) -> None:
    bare = routes_without_roles(app)
    if bare:
        raise RouteWithoutRoles(f"these routes name neither roles nor why they are public: {', '.join(bare)}")
    for context in iter_route_contexts(app.routes):
        path = context.path or ""
        if isinstance(context.original_route, APIRoute) and not path.startswith(f"/{prefix}/"):
            raise ValueError(f"the route {path} is outside of the prefix /{prefix}/ of its service")


def _edge_of(app: FastAPI, face: ServiceFace, limits: Limits, shortcuts: Sequence[Shortcut]) -> Edge:
    body_limit_of, metrics = _body_limit_of(app, limits), HttpMetrics(face.registry)
    return Edge(limits=limits, body_limit_of=body_limit_of, shortcuts=shortcuts, metrics=metrics)


def _body_limit_of(app: FastAPI, limits: Limits) -> Callable[[Scope], int]:
    larger = [
        (context.path_regex, frozenset(context.methods or ()), cast("int", context.max_body_size))
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and context.max_body_size is not None
    ]

    def body_limit_of(scope: Scope) -> int:
        for path, methods, bytes_max in larger:
            if scope["method"] in methods and path.match(scope["path"]):
                return bytes_max
        return limits.body_bytes_max

    return body_limit_of


def _problem_response_of_openapi() -> dict[str, Any]:
    return {"description": "A problem", "content": {PROBLEM_MEDIA_TYPE: {"schema": dict(_PROBLEM_SCHEMA)}}}

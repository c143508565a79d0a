"""Several services behind one port: chosen by the path's first segment, nothing rewritten."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from leadway.web._answers import EXCEPTION_HANDLERS
from leadway.web._front import front_route
from leadway.web._health import ServiceFace, health_routes
from leadway.web._problem_pages import problem_routes


def gateway(apps: Mapping[str, FastAPI]) -> ASGIApp:
    """One app over `apps` (prefix → app made by `create_app`); health, readiness, metrics and problems are joined.

    The host opens and closes what the services need: lifespan events are answered here and passed to nobody.
    Raises ValueError where an app was made for another prefix.
    """
    faces: dict[str, ServiceFace] = {prefix: app.state.face for prefix, app in apps.items()}
    wrong = [prefix for prefix, face in faces.items() if face.prefix != prefix]
    if wrong:
        raise ValueError(f"these apps were made for another prefix: {', '.join(wrong)}")
    own = Starlette(
        routes=[front_route(faces), *health_routes(faces), *problem_routes()],
        exception_handlers=dict(EXCEPTION_HANDLERS),
    )
    own.router.redirect_slashes = False

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            segment = scope["path"].split("/", 2)[1] if "/" in scope["path"] else ""
            await apps.get(segment, own)(scope, receive, send)
            return
        await own(scope, receive, send)

    return dispatch

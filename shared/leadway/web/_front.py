"""The first page: which services are here and where their documentation is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from leadway.web._health import ServiceFace
from leadway.web._problem_pages import html_page
from leadway.web._problems import json_response


def front_route(faces: Mapping[str, ServiceFace]) -> BaseRoute:
    """`GET /`: as HTML for a browser, else as JSON."""

    async def front(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return html_page("Leadway", _html(faces))
        services = [
            {
                "service": face.service,
                "title": face.title,
                "version": face.version,
                "prefix": f"/{face.prefix}",
                "docs": face.docs,
                "openapi": face.openapi,
            }
            for face in faces.values()
        ]
        links = {"health": "/healthz", "readiness": "/readyz", "metrics": "/metrics", "problems": "/problems"}
        return json_response({"services": services, **links})

    return Route("/", front, methods=["GET"])


def _html(faces: Mapping[str, ServiceFace]) -> str:
    items = "".join(
        f'<li><a href="{face.docs}">{escape(face.service)}</a> {escape(face.title)} '
        f'<small><a href="{face.openapi}">openapi.json</a></small>'
        for face in faces.values()
    )
    return (
        f"<ul>{items}</ul><p><a href='/problems'>problems</a> · <a href='/healthz'>health</a> · "
        "<a href='/readyz'>readiness</a> · <a href='/metrics'>metrics</a>"
    )

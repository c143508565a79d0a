"""The documentation of a service's routes, from files that came with the installation."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles


def docs_routes(prefix: str, title: str) -> list[BaseRoute]:
    """`/<prefix>/docs` and its assets. Nothing is loaded from the network."""
    assets = f"/{prefix}/docs/assets"

    async def docs(_: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url=f"/{prefix}/openapi.json",
            title=title,
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
        )

    return [
        Mount(assets, StaticFiles(directory=_assets_folder())),
        Route(f"/{prefix}/docs", docs, methods=["GET"]),
    ]


def _assets_folder() -> Path:
    # The wheel of fastapi-offline is used for its files only: Swagger UI, which FastAPI itself takes from a CDN.
    with as_file(files("fastapi_offline") / "static") as folder:
        return folder

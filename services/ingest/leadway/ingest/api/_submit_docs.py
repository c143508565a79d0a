"""The way in for leads as the documentation shows it; the shortcut answers such requests before FastAPI is asked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leadway.ingest.api._submit import CSV_BYTES_MAX, Submissions
from leadway.web import public


class _Relayed(Response):
    """An answer that the submissions app sends by itself."""

    def __init__(self, app: Submissions) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await self._app(scope, receive, send)


def submit_routes(submissions: Submissions) -> APIRouter:
    """The route that takes leads."""
    router = APIRouter(prefix="/ingest/v1", tags=["leads"])

    @router.post(
        "/sources/{source_id}/leads",
        dependencies=[public("a source has a key of its own: X-Leadway-Key, ?key=, or where its tool puts it")],
        max_body_size=CSV_BYTES_MAX,
        response_class=Response,
    )
    async def submit(source_id: str, request: Request) -> Response:  # noqa: ARG001 the submissions app reads the path
        """Post a lead as the source's tool sends it; success means that it is durable."""
        return _Relayed(submissions)

    return router

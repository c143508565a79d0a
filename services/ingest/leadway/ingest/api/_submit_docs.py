"""The way in for leads as the documentation shows it; the shortcut answers such requests before FastAPI is asked."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from leadway.ingest.api._answers import Taken
from leadway.ingest.api._submit import CSV_BYTES_MAX, Submissions
from leadway.ingest.policy.kinds import NativeSubmission
from leadway.web import public

_DEFINITIONS: Final = "#/$defs/"
_FOR_TOOLS: Final = "What the source's tool expects to hear: `{}`, a message, or for CSV the outcome of each row."


class _Relayed(Response):
    """An answer that the submissions app sends by itself."""

    def __init__(self, app: Submissions) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        await self._app(scope, receive, send)


def _body() -> dict[str, Any]:
    native = msgspec.json.schema(NativeSubmission)
    content = {
        "application/json": {"schema": {"anyOf": [_inlined(native, native["$defs"]), {"type": "object"}]}},
        "text/csv": {"schema": {"type": "string"}},
    }
    said = "A native submission, or the body as the source's tool sends it."
    return {"description": said, "required": True, "content": content}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A schema without references, which would point nowhere once it is part of a larger document."""
    match schema:
        case {"$ref": str(place)}:
            return _inlined(definitions[place.removeprefix(_DEFINITIONS)], definitions)
        case dict():
            return {name: _inlined(each, definitions) for name, each in schema.items() if name != "$defs"}  # pyright: ignore[reportUnknownVariableType]
        case list():
            return [_inlined(each, definitions) for each in schema]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return schema


def submit_routes(submissions: Submissions) -> APIRouter:
    """The route that takes leads."""
    router = APIRouter(prefix="/ingest/v1", tags=["leads"])

    @router.post(
        "/sources/{source_id}/leads",
        dependencies=[public("a source has a key of its own: X-Leadway-Key, ?key=, or where its tool puts it")],
        max_body_size=CSV_BYTES_MAX,
        status_code=202,
        response_model=Taken,
        response_description="A native submission is durable.",
        responses={200: {"description": _FOR_TOOLS, "content": {"application/json": {"schema": {"type": "object"}}}}},
        openapi_extra={"requestBody": _body()},
    )
    async def submit(source_id: str, request: Request) -> Response:  # noqa: ARG001 the submissions app reads the path
        """Post a lead as the source's tool sends it; success means that it is durable."""
        return _Relayed(submissions)

    return router

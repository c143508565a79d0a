"""Whether a service lives, whether it is ready, and how it does: /healthz, /readyz, /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from leadway.telemetry import EXPOSITION_MEDIA_TYPE, exposition, process_registry
from leadway.web._problems import json_response

Check = Callable[[], Awaitable[str | None]]
"""A readiness check: None where all is well, else what is not, in a few words without personal data."""

CHECK_SECONDS_MAX: Final = 2.0
_log = structlog.get_logger("leadway.web")


@dataclass(frozen=True, slots=True)
class ServiceFace:
    """What a service shows of itself beside its routes; `create_app` leaves it in `app.state.face`."""

    service: str
    prefix: str
    title: str
    version: str
    checks: Mapping[str, Check]
    registry: CollectorRegistry

    @property
    def docs(self) -> str:
        return f"/{self.prefix}/docs"

    @property
    def openapi(self) -> str:
        return f"/{self.prefix}/openapi.json"


async def _run(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS_MAX:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a check dies of, the answer is "not ready"
        _log.warning("readiness check failed", check=name, error=type(error).__name__)
        return "failed"


async def readiness(face: ServiceFace) -> dict[str, str]:
    """Each check's name with "ok" or what is wrong."""
    results = await asyncio.gather(*(_run(name, check) for name, check in face.checks.items()))
    return {name: result or "ok" for name, result in zip(face.checks, results, strict=True)}


def health_routes(faces: Mapping[str, ServiceFace]) -> list[BaseRoute]:
    """Routes of health, readiness and metrics over all of `faces`."""
    process = process_registry()

    async def healthz(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_: Request) -> Response:
        found = await asyncio.gather(*(readiness(face) for face in faces.values()))
        services = {face.service: checks for face, checks in zip(faces.values(), found, strict=True)}
        ready = all(result == "ok" for checks in found for result in checks.values())
        return json_response({"status": "ready" if ready else "not ready", "services": services}, 200 if ready else 503)

    async def metrics(_: Request) -> Response:
        body = exposition({face.service: face.registry for face in faces.values()}, process)
        return Response(body, media_type=EXPOSITION_MEDIA_TYPE)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]

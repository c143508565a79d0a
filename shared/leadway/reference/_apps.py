"""The services' apps, put together without anything behind them: to read their routes, not to serve."""

from __future__ import annotations

from typing import Any

from leadway.database import connect
from leadway.eventlog import open_log
from leadway.hosting import Host
from leadway.stage import Service
from leadway.stage.runtime import Runtime
from leadway.web import TokenVerifier

# Nothing is listening there: engine and log connect at their first use, and nobody uses them.
_NOWHERE = "postgresql://localhost/nowhere"
_NO_KEY = bytes(32)


def openapi(service: Service) -> dict[str, Any]:
    """The OpenAPI document of one service, as the running service serves it."""
    log = open_log(database_url=_NOWHERE)
    host = Host({}, "http://127.0.0.1:8080", log, TokenVerifier.for_key(_NO_KEY), _NO_KEY)
    engine = connect(_NOWHERE, schema="nowhere")
    runtime = Runtime(stage=service.stage, engine=engine, log=log, instance="reference")
    return service.build(host, runtime).app.openapi()

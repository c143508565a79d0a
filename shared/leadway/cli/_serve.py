"""`leadway serve`: chosen services in a process of their own, on the deployment's database and log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from leadway.cli._console import MISUSED, Failed, err, program, progress
from leadway.cli._place import settings_of
from leadway.cli._serving import address_of, bound, heed_sigterm, installed, run
from leadway.hosting import Deployment


def serve(names: Sequence[str], given: dict[str, Any]) -> None:
    """Run services until SIGINT or SIGTERM; several processes with the same service share its work. Raises Failed."""
    heed_sigterm()
    chosen = installed(names)
    settings = settings_of(**given)
    if settings.database_url is None:
        raise Failed(
            f"no database is named, and no deployment runs in {settings.data_dir}",
            f"set LEADWAY_DATABASE_URL, or name the folder of a running `{program()} up` by --data-dir",
            code=MISUSED,
        )
    with bound(settings.host, settings.port) as listener, progress("starting") as tell:
        listens_at = f"http://{listener.getsockname()[0]}:{listener.getsockname()[1]}"
        known_as = address_of(listener, settings)

        async def ready(running: Deployment) -> None:
            tell.rest()
            behind = f", known to the world as {known_as}" if known_as != listens_at else ""
            err.print(f"[green]●[/] {', '.join(running.running)} at {listens_at}{behind}")

        run(settings, chosen, listener, process=f"{'-'.join(names)}-{os.getpid()}", tell=tell, ready=ready)

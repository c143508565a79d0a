"""`leadway up`: all services in one process, and what they stand on."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.panel import Panel
from rich.table import Table

from leadway.cli._backing import backing, choose, taken
from leadway.cli._console import out, program, progress
from leadway.cli._place import Kept, Place, write_private
from leadway.cli._serving import address_of, bound, heed_sigterm, installed, run
from leadway.hosting import Deployment, Settings
from leadway.web import issue_token

_ADMIN_TOKEN_TTL = timedelta(hours=24)
_ADMIN_TOKEN_RENEWAL_SECONDS = 12 * 3600.0


def up(given: dict[str, Any]) -> None:
    """Run everything until SIGINT or SIGTERM. Raises Failed."""
    heed_sigterm()
    chosen = installed()
    settings, kept = choose(given)
    place = Place(settings.data_dir)
    with (
        taken(place),
        bound(settings.host, settings.port) as listener,
        progress("starting") as tell,
        backing(settings, kept, tell) as backed,
    ):
        reached_at = address_of(listener, settings)
        now = place.kept or kept
        place.keep(msgspec.structs.replace(now, base_url=reached_at, pid=os.getpid()))

        async def ready(running: Deployment) -> None:
            tell.rest()
            _write_admin_token(running, place)
            out.print(banner(backed, kept, place, reached_at))
            while True:
                await asyncio.sleep(_ADMIN_TOKEN_RENEWAL_SECONDS)
                _write_admin_token(running, place)

        try:
            run(backed, chosen, listener, process="leadway", tell=tell, ready=ready)
        finally:
            tell("stopping")


def banner(settings: Settings, kept: Kept, place: Place, reached_at: str) -> Panel:
    """Where everything is."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim")
    lines.add_column(overflow="fold")
    log = {"postgresql": "PostgreSQL", "kafka embedded": f"embedded Kafka at {settings.kafka}"}
    elsewhere = "" if place.folder == Path(".leadway") else f" --data-dir {place.folder}"
    loopback = "may go to this machine itself" if settings.webhook_loopback else "only to public addresses"
    for name, value in (
        ("URL", f"[bold]{reached_at}[/]"),
        ("docs", f"{reached_at}/ names the services and their docs"),
        ("data folder", str(place.folder.resolve())),
        ("database", "embedded PostgreSQL" if kept.database == "embedded" else "PostgreSQL, as the settings say"),
        ("log of facts", log.get(kept.log, f"Kafka at {settings.kafka}")),
        ("webhooks", loopback),
        ("admin token", f"in {place.admin_token} (24 h, renewed)"),
        ("process log", str(place.log("leadway"))),
        ("next", f"[bold]{program()} demo{elsewhere}[/] in a second terminal; Ctrl-C stops"),
    ):
        lines.add_row(name, value)
    return Panel(lines, title="[bold]Leadway[/] is ready", title_align="left", border_style="green", expand=False)


def _write_admin_token(running: Deployment, place: Place) -> None:
    token = issue_token(running.key, role="admin", subject="local-admin", ttl=_ADMIN_TOKEN_TTL)
    write_private(place.admin_token, token + "\n")

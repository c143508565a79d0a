"""The commands and their flags; each loads what it needs when it is called."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The deployment's folder (LEADWAY_DATA_DIR; else .leadway).")
]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on; 0: any free one.")]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on.")]
Kafka = Annotated[str | None, typer.Option("--kafka", help="A bootstrap address, or: embedded.")]
Database = Annotated[str | None, typer.Option("--database", help="A PostgreSQL address; else an embedded server.")]

app = typer.Typer(
    name="leadway",
    help="A vendor's leads, from the campaign to the revenue, through a network of channel partners.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class RoleName(StrEnum):
    """The roles of tokens."""

    admin = "admin"
    cam = "cam"
    partner = "partner"
    analyst = "analyst"


@app.command()
def up(
    data_dir: DataDir = None, port: Port = None, host: Host = None, kafka: Kafka = None, database: Database = None
) -> None:
    """Run all services in one process."""
    from leadway.cli._up import up as run

    run(_flags(data_dir=data_dir, port=port, host=host, kafka=kafka, database_url=database))


@app.command()
def serve(
    service: Annotated[list[str], typer.Argument(help="One or more of the services.")],
    data_dir: DataDir = None,
    port: Port = None,
    host: Host = None,
    kafka: Kafka = None,
    database: Database = None,
) -> None:
    """Run one service (or a few) in this process; two instances of one service share its work."""
    from leadway.cli._serve import serve as run

    run(service, _flags(data_dir=data_dir, port=port, host=host, kafka=kafka, database_url=database))


@app.command()
def token(
    role: Annotated[RoleName, typer.Option(help="What the token allows.")],
    partner: Annotated[str | None, typer.Option(help="The partner that a token of that role is bound to.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who it is for; a partner's cam is named so.")] = None,
    scope: Annotated[str | None, typer.Option(help="For the role cam: all or assigned.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it lives, in ISO 8601.")] = "PT12H",
    data_dir: DataDir = None,
) -> None:
    """Print a token for one of the roles."""
    from leadway.cli._token import token as issue

    flags = _flags(data_dir=data_dir)
    typer.echo(issue(flags, role=role.value, partner=partner, subject=subject, scope=scope, ttl=ttl))


def _flags(**given: object) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}


def main() -> None:
    """The entry point of the script `leadway`."""
    from leadway.cli._console import Failed

    try:
        app()
    except Failed as failed:
        failed.tell()
        sys.exit(failed.code)

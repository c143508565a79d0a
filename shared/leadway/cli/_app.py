"""The commands and their flags; each loads what it needs when it is called."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The deployment's folder (LEADWAY_DATA_DIR; else .leadway).")
]
Port = Annotated[
    int | None, typer.Option("--port", help="The port to listen on (LEADWAY_PORT; else 8080); 0: any free one.")
]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on (LEADWAY_HOST; else 127.0.0.1).")]
KafkaToStart = Annotated[
    str | None,
    typer.Option("--kafka", help="The log: a bootstrap address, or: embedded (LEADWAY_KAFKA; else in PostgreSQL)."),
]
DatabaseToStart = Annotated[
    str | None,
    typer.Option("--database", help="A PostgreSQL address (LEADWAY_DATABASE_URL; else an embedded server)."),
]
Kafka = Annotated[
    str | None,
    typer.Option("--kafka", help="The log's bootstrap address (LEADWAY_KAFKA; else as the data folder says)."),
]
Database = Annotated[
    str | None,
    typer.Option("--database", help="A PostgreSQL address (LEADWAY_DATABASE_URL; else as the data folder says)."),
]

Url = Annotated[str | None, typer.Option("--url", help="The deployment's address; else as the data folder says.")]

app = typer.Typer(
    name="leadway",
    help="A vendor's leads, from the campaign to the revenue, through a network of channel partners.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 as typer calls it
    if asked:
        typer.echo(f"leadway {version('leadway')}")
        raise typer.Exit


@app.callback()
def leadway(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A vendor's leads, from the campaign to the revenue, through a network of channel partners."""


class RoleName(StrEnum):
    """The roles of tokens."""

    admin = "admin"
    cam = "cam"
    partner = "partner"
    analyst = "analyst"


@app.command()
def up(
    data_dir: DataDir = None,
    port: Port = None,
    host: Host = None,
    kafka: KafkaToStart = None,
    database: DatabaseToStart = None,
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


@app.command()
def demo(url: Url = None, data_dir: DataDir = None) -> None:
    """Send one lead through its whole life on a running system, by its public API."""
    from leadway.cli.demo import demo as run

    run(_flags(data_dir=data_dir), url=url)


@app.command()
def tail(
    types: Annotated[str | None, typer.Option(help="Only these facts, such as lead.captured,lead.assigned.")] = None,
    lead: Annotated[str | None, typer.Option(help="Only this lead's, from its first on.")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Not from now on but from the first.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Print the facts as they come, without personal data."""
    from leadway.cli._tail import tail as run

    run(_flags(data_dir=data_dir), url=url, types=types, lead=lead, from_start=from_start)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="A service, or: all.")],
    check: Annotated[bool, typer.Option("--check", help="Compare with the live tables (what is done anyway).")] = False,
    swap: Annotated[bool, typer.Option("--swap", help="Put the result in place; the service must be stopped.")] = False,
    data_dir: DataDir = None,
    kafka: Kafka = None,
    database: Database = None,
) -> None:
    """Fold the log again into tables of its own and compare them with the live ones, by hash."""
    from leadway.cli._rebuild import rebuild as run

    if check and swap:
        raise typer.BadParameter("--check and --swap exclude each other")
    run(service, _flags(data_dir=data_dir, kafka=kafka, database_url=database), swap=swap)


@app.command()
def doctor(data_dir: DataDir = None, kafka: Kafka = None, database: Database = None) -> None:
    """Look at everything that a deployment stands on; say what is not well and what to do."""
    from leadway.cli._doctor import doctor as run

    run(_flags(data_dir=data_dir, kafka=kafka, database_url=database))


@app.command()
def verify(
    record: Annotated[
        Path | None, typer.Option(help="What a client was told, as leadway.verify.Recorder writes.")
    ] = None,
    received: Annotated[Path | None, typer.Option(help="What a receiver of webhooks took, as JSON lines.")] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Nobody but the record's client sent leads to its sources.")
    ] = False,
    settle: Annotated[float, typer.Option(help="For how many seconds to wait until everything is done.")] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    kafka: Kafka = None,
    database: Database = None,
) -> None:
    """Judge by log, databases and what clients were told whether anything was lost, doubled or too early."""
    from leadway.cli._verify import verify as run

    given = _flags(data_dir=data_dir, kafka=kafka, database_url=database)
    run(given, record=record, received=received, complete=complete, settle=settle, as_json=as_json, url=url)


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write the repository's generated files: the services' README, OpenAPI, AsyncAPI, settings."""
    from leadway.cli._docs import docs as run

    run(Path.cwd(), check=check)


parked = typer.Typer(help="Facts that could not be handled and wait, with their lead.", no_args_is_help=True)
app.add_typer(parked, name="parked")
OfService = Annotated[str | None, typer.Option("--service", help="Of this service only.")]


@parked.command("list")
def parked_list(service: OfService = None, data_dir: DataDir = None) -> None:
    """Show what waits, and why."""
    from leadway.cli._parked import list_parked

    list_parked(_flags(data_dir=data_dir), service)


@parked.command("release")
def parked_release(
    lead: Annotated[str, typer.Argument(help="The lead, or: all.")], service: OfService = None, data_dir: DataDir = None
) -> None:
    """Handle a lead's parked facts in their order, then let it go on."""
    from leadway.cli._parked import release

    release(_flags(data_dir=data_dir), lead, service)


@parked.command("drop")
def parked_drop(
    service: Annotated[str, typer.Argument(help="The service that parked it.")],
    place: Annotated[str, typer.Argument(help="topic/partition/offset, as `list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Give one record up for good."""
    from leadway.cli._parked import drop

    drop(_flags(data_dir=data_dir), service, place)


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

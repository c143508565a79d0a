"""The database as the facts depend on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import text

from leadway.cli._doctor._finding import Finding, fail, ok, warn
from leadway.cli._reach import database_of
from leadway.database import connect
from leadway.hosting import Settings, service_names

_ASKED = text("""
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS named,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('max_connections')::int AS connections_max, pg_is_in_recovery() AS replica,
       pg_database_size(current_database()) AS bytes
""")
_VERSION_MIN = 150_000
_DURABLE = {
    "fsync": "facts are lost when the machine loses power",
    "full_page_writes": "pages are torn when the machine loses power",
    "synchronous_commit": "an acknowledged lead may be lost when the server crashes",
}


async def database(settings: Settings) -> list[Finding]:
    """Its version and the settings on which durability rests."""
    engine = connect(database_of(settings), schema="public", pool_size=1, application_name="leadway doctor")
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(_ASKED)).mappings().one()
    finally:
        await engine.dispose()
    return list(_judged({str(name): value for name, value in row.items()}, settings))


def _judged(row: Mapping[str, object], settings: Settings) -> Iterator[Finding]:
    size = f"PostgreSQL {row['named']}, {int(str(row['bytes'])) / 1e6:,.0f} MB"
    if int(str(row["version"])) < _VERSION_MIN:
        yield fail("database", size, "PostgreSQL 15 or newer is needed")
    else:
        yield ok("database", size)
    if row["replica"]:
        yield fail("database's role", "a replica, which takes no writes", "name the primary's address")
    off = [name for name in _DURABLE if row[name] == "off"]
    for name in off:
        yield fail(name, "off", f"turn it on: {_DURABLE[name]}")
    if not off:
        yield ok("durability", "fsync, full_page_writes and synchronous_commit are on")
    needed = len(service_names()) * (settings.pool_size + 2) + 10
    allowed = int(str(row["connections_max"]))
    if allowed < needed:
        remedy = "raise max_connections, or lower LEADWAY_POOL_SIZE"
        yield warn("connections", f"{allowed} allowed, {needed} for one process of each service", remedy)
    else:
        yield ok("connections", f"{allowed} allowed, {needed} for one process of each service")

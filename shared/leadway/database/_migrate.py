from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Mapping
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from leadway.database._engine import asyncpg_url, role_of, schema_of

_LOCK_KEY = 0x6C656164776179  # "leadway": one migration at a time in one database, whoever runs it
_LOCK_MS_MAX = 60_000
# Alembic's `op` is one name for the whole process.
_ONE_AT_A_TIME = threading.Lock()

_MAKE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the whole server: another database's migration was quicker
END $$
"""
# Who creates a role without being a superuser may administer it, but not act as it, until it says so.
_TAKE_ROLE = """
DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        IF current_setting('server_version_num')::int >= 160000 THEN
            IF NOT pg_has_role(current_user, '{role}', 'SET') THEN
                EXECUTE 'GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE';
            END IF;
        ELSIF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
            EXECUTE 'GRANT {role} TO CURRENT_USER';
        END IF;
    END IF;
END $$
"""


class SchemaUnknown(Exception):
    """The database was migrated by a newer program than this one: run that program, or restore an older backup."""


async def migrate(
    url: str | URL,
    service: str,
    scripts: Path | None,
    *,
    kit: bool = True,
    schema: str | None = None,
) -> None:
    """Bring a service's schema up to date: its role, its schema, the kit's tables, then its own; in one transaction.

    `scripts` is a folder of Alembic revisions (`0001_….py`, in a straight line). They run as the service's role
    (`role_of`), with its schema alone on the search path: they name tables without a schema. Any number of processes
    may call it at once. Without `kit` the schema gets no tables of the kit; `schema` names another schema than
    `schema_of(service)`, to be filled beside it. Raises `SchemaUnknown`.
    """
    folders: dict[str, Path] = {}
    if kit:
        folders["kit_version"] = kit_scripts()
    if scripts is not None:
        folders["service_version"] = scripts
    target = schema or schema_of(service)
    await asyncio.to_thread(_migrate_in_thread, asyncpg_url(url), role_of(service), target, folders)


def kit_scripts() -> Path:
    """Return the folder with the revisions of the tables that every service's schema has."""
    found = importlib.util.find_spec("leadway.stage")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("leadway.stage")
    return Path(next(iter(found.submodule_search_locations))) / "migrations"


def _migrate_in_thread(url: URL, role: str, schema: str, folders: Mapping[str, Path]) -> None:
    with _ONE_AT_A_TIME:
        asyncio.run(_migrate(url, role, schema, folders))


async def _migrate(url: URL, role: str, schema: str, folders: Mapping[str, Path]) -> None:
    settings = {"application_name": f"{role} migration", "lock_timeout": str(_LOCK_MS_MAX), "timezone": "UTC"}
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": settings})
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            await connection.run_sync(_make_home, role, schema)
            for table, folder in folders.items():
                await connection.run_sync(_upgrade, folder, table, schema)
    finally:
        await engine.dispose()


def _make_home(connection: Connection, role: str, schema: str) -> None:
    for statement in (_MAKE_ROLE, _TAKE_ROLE):
        connection.exec_driver_sql(statement.format(role=role))
    if connection.scalar(text("SELECT to_regnamespace(:schema) IS NULL"), {"schema": schema}):
        connection.exec_driver_sql(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
    connection.exec_driver_sql(f"SET LOCAL search_path = {schema}")


def _upgrade(connection: Connection, folder: Path, version_table: str, schema: str) -> None:
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])

    def steps(revision: str | tuple[str, ...], _: MigrationContext) -> object:
        # What Alembic's own `upgrade` command does; it offers no public name for it.
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportArgumentType]

    options = {"version_table": version_table, "version_table_schema": schema, "fn": steps}
    context = MigrationContext.configure(connection, opts=options)
    try:
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        raise SchemaUnknown(f"{schema}.{version_table}: {error}") from error

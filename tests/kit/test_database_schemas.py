from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from leadway.database import SchemaUnknown, connect, migrate, role_of, schema_of, scratch_database

FIRST = """
from alembic import op

revision = "0001"
down_revision = None

def upgrade():
    op.execute("CREATE TABLE turns (rule text PRIMARY KEY)")
"""
SECOND = """
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("ALTER TABLE turns ADD COLUMN floor bigint NOT NULL DEFAULT 0")
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "0001_turns.py").write_text(FIRST)
    return tmp_path


async def rows(url: str, service: str, sql: str, *, as_service: str | None = None) -> list[tuple[object, ...]]:
    role = role_of(as_service or service)
    engine = connect(url, schema=schema_of(service), role=role, application_name="a test")
    try:
        async with engine.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(sql))]
    finally:
        await engine.dispose()


async def test_a_service_gets_its_schema_its_role_and_its_tables(database: str, scripts: Path) -> None:
    await migrate(database, "sla-timer", scripts, kit=False)
    told = await rows(
        database, "sla-timer", "SELECT current_schema(), current_user, current_setting('application_name')"
    )
    assert told == [("sla_timer", "leadway_sla_timer", "a test")]
    assert await rows(database, "sla-timer", "SELECT tableowner FROM pg_tables WHERE tablename = 'turns'") == [
        ("leadway_sla_timer",)
    ]
    assert await rows(database, "sla-timer", "SELECT version_num FROM service_version") == [("0001",)]


async def test_only_what_is_missing_is_run(database: str, scripts: Path) -> None:
    await migrate(database, "router", scripts, kit=False)
    await migrate(database, "router", scripts, kit=False)
    (scripts / "0002_floor.py").write_text(SECOND)
    await migrate(database, "router", scripts, kit=False)
    assert await rows(database, "router", "SELECT count(floor) FROM turns") == [(0,)]


async def test_many_may_migrate_at_once(database: str, scripts: Path) -> None:
    services = ("router", "dealreg", "router", "sla-timer", "router")
    await asyncio.gather(*(migrate(database, service, scripts, kit=False) for service in services))
    assert await rows(database, "router", "SELECT count(*) FROM service_version") == [(1,)]


async def test_a_service_touches_its_own_schema_only(database: str, scripts: Path) -> None:
    await migrate(database, "router", scripts, kit=False)
    await migrate(database, "scoring", scripts, kit=False)
    with pytest.raises(ProgrammingError, match="permission denied for schema router"):
        await rows(database, "router", "SELECT * FROM router.turns", as_service="scoring")
    with pytest.raises(ProgrammingError, match="permission denied for schema public"):
        await rows(database, "scoring", "CREATE TABLE public.mine ()")


async def test_a_schema_can_be_filled_beside_the_services_own(database: str, scripts: Path) -> None:
    await migrate(database, "router", scripts, kit=False)
    await migrate(database, "router", scripts, kit=False, schema="router_again")
    assert await rows(database, "router", "SELECT count(*) FROM router_again.turns") == [(0,)]


async def test_a_failing_migration_leaves_nothing(database: str, scripts: Path) -> None:
    (scripts / "0002_wrong.py").write_text(SECOND.replace("ALTER TABLE turns", "ALTER TABLE turn"))
    with pytest.raises(ProgrammingError, match="turn"):
        await migrate(database, "router", scripts, kit=False)
    (scripts / "0002_wrong.py").unlink()
    await migrate(database, "router", scripts, kit=False)
    assert await rows(database, "router", "SELECT version_num FROM service_version") == [("0001",)]


async def test_a_database_newer_than_the_program_is_refused(database: str, scripts: Path) -> None:
    (scripts / "0002_floor.py").write_text(SECOND)
    await migrate(database, "router", scripts, kit=False)
    (scripts / "0002_floor.py").unlink()
    with pytest.raises(SchemaUnknown, match=r"router\.service_version.*0002"):
        await migrate(database, "router", scripts, kit=False)


async def test_a_user_who_is_no_superuser_can_migrate_and_connect(database: str, scripts: Path) -> None:
    name = database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    engine = connect(database, schema="public")
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE ROLE plain_{name} CREATEROLE"))
        await connection.execute(text(f"ALTER DATABASE {name} OWNER TO plain_{name}"))
        await connection.execute(text(f"ALTER ROLE leadway IN DATABASE {name} SET role = plain_{name}"))
    await engine.dispose()
    service = f"svc-{name}"[:40]
    await migrate(database, service, scripts, kit=False)
    assert await rows(database, service, "SELECT current_user") == [(role_of(service),)]


async def test_what_is_acknowledged_is_on_the_disk_whatever_the_database_s_own_setting(database: str) -> None:
    async def setting() -> str:
        engine = connect(database, schema="public")
        try:
            async with engine.connect() as connection:
                return (await connection.execute(text("SHOW synchronous_commit"))).scalar_one()
        finally:
            await engine.dispose()

    async def default(value: str) -> None:
        engine = connect(database, schema="public")
        name = str(engine.url.database)
        async with engine.begin() as connection:
            await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = {value}'))
        await engine.dispose()

    await default("off")
    assert await setting() == "on"


async def test_an_idle_transaction_is_ended_by_the_server(database: str) -> None:
    engine = connect(database, schema="public", idle_in_transaction_timeout_ms=50)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(0.2)
            with pytest.raises(Exception, match=r"idle-in-transaction|connection.*closed"):
                await connection.execute(text("SELECT 1"))
            await connection.invalidate()
    finally:
        await engine.dispose()


async def test_a_scratch_database_is_empty_and_goes_away(database: str) -> None:
    async with scratch_database(database, "leadway_scratch_test") as url:
        assert await rows_of_postgres(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    found = "SELECT count(*) FROM pg_database WHERE datname = 'leadway_scratch_test'"
    assert await rows_of_postgres(database, found) == [(0,)]


async def rows_of_postgres(url: str, sql: str) -> list[tuple[object, ...]]:
    engine = connect(url, schema="public")
    try:
        async with engine.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(sql))]
    finally:
        await engine.dispose()


async def test_the_kits_tables_come_before_the_services_own(database: str, scripts: Path) -> None:
    await migrate(database, "router", scripts)
    found = await rows(database, "router", "SELECT count(*) FROM kit_version, service_version, outbox, turns")
    assert found == [(0,)]
    versions = await rows(
        database, "router", "SELECT k.version_num <> '', s.version_num FROM kit_version k, service_version s"
    )
    assert versions == [(True, "0001")]

"""Each service's own corner of PostgreSQL: the server, the way in, the tables."""

from leadway.database._binaries import NoPostgres
from leadway.database._embedded import DatabaseFailed, EmbeddedPostgres
from leadway.database._engine import asyncpg_url, connect, role_of, schema_of
from leadway.database._migrate import SchemaUnknown, kit_scripts, migrate
from leadway.database._scratch import scratch_database

__all__ = [
    "DatabaseFailed",
    "EmbeddedPostgres",
    "NoPostgres",
    "SchemaUnknown",
    "asyncpg_url",
    "connect",
    "kit_scripts",
    "migrate",
    "role_of",
    "schema_of",
    "scratch_database",
]

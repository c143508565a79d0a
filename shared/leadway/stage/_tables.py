"""The tables that every service's schema has, and those of its views.

`state`: subjects.state, shared_keys, identity_keys, timers, own catalogs, views — the fold of own facts.
`mirror`: subjects.mirror, views of mirrors, foreign catalogs — the fold of foreign facts.
`kept`: positions, counters, sent, outbox, leases, idempotency, parked, resends — not derivable; they survive a rebuild.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadway.stage._declare import Stage, View
from leadway.stage._functions import create_functions

FOLDED = ("subjects", "shared_keys", "identity_keys", "timers", "catalogs", "catalog_revision")
KEPT = ("positions", "counters", "sent", "outbox", "leases", "idempotency", "parked", "resends")

FOLDED_DDL = (
    """CREATE TABLE subjects (topic text NOT NULL, subject text NOT NULL, state bytea, mirror bytea, last_at timestamptz,
       correlation text, parked boolean NOT NULL DEFAULT false, PRIMARY KEY (subject, topic)) WITH (fillfactor = 70)""",
    "CREATE TABLE shared_keys (key text PRIMARY KEY, value bytea) WITH (fillfactor = 50)",
    "CREATE TABLE identity_keys (key text PRIMARY KEY, value bytea) WITH (fillfactor = 70)",
    """CREATE TABLE timers (subject text NOT NULL, name text NOT NULL, due_at timestamptz NOT NULL,
       PRIMARY KEY (subject, name))""",
    "CREATE INDEX timers_due_at ON timers (due_at)",
    """CREATE TABLE catalogs (kind text NOT NULL, entity_id text NOT NULL, version bigint NOT NULL,
       revision bigint NOT NULL, document bytea NOT NULL, PRIMARY KEY (kind, entity_id))""",
    "CREATE INDEX catalogs_revision ON catalogs (revision)",
    "CREATE TABLE catalog_revision (revision bigint NOT NULL)",
    "INSERT INTO catalog_revision VALUES (0)",
)
KEPT_DDL = (
    """CREATE TABLE positions (topic text NOT NULL, partition int NOT NULL, position bigint NOT NULL,
       marks bytea NOT NULL, PRIMARY KEY (topic, partition)) WITH (fillfactor = 50)""",
    """CREATE TABLE counters (topic text NOT NULL, partition int NOT NULL, sequence bigint NOT NULL,
       PRIMARY KEY (topic, partition)) WITH (fillfactor = 50)""",
    """CREATE TABLE sent (topic text NOT NULL, partition int NOT NULL, sequence bigint NOT NULL, "offset" bigint NOT NULL,
       id text NOT NULL, scanned bigint NOT NULL DEFAULT 0, PRIMARY KEY (topic, partition)) WITH (fillfactor = 50)""",
    """CREATE TABLE outbox (topic text NOT NULL, partition int NOT NULL, sequence bigint NOT NULL, key text NOT NULL,
       headers bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (topic, partition, sequence))""",
    "CREATE TABLE leases (name text PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL)",
    """CREATE TABLE idempotency (caller text NOT NULL, method text NOT NULL, path text NOT NULL, key text NOT NULL,
       digest bytea NOT NULL, status int, answer bytea, created_at timestamptz NOT NULL,
       PRIMARY KEY (caller, method, path, key))""",
    "CREATE INDEX idempotency_created_at ON idempotency (created_at)",
    """CREATE TABLE parked (topic text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL, subject text,
       type text NOT NULL, reason text NOT NULL, parked_at timestamptz NOT NULL, verdict text,
       PRIMARY KEY (topic, partition, "offset"))""",
    "CREATE INDEX parked_subject ON parked (subject) WHERE verdict IS NULL",
    """CREATE TABLE resends (topic text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL,
       PRIMARY KEY (topic, partition, "offset"))""",
)


def view_ddl(view: View) -> tuple[str, ...]:
    """The statements that make a view's table, where it is missing."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in view.columns.items())
    indexes = (
        f"CREATE INDEX IF NOT EXISTS {view.table}_{number} ON {view.table} ({columns_of})"
        for number, columns_of in enumerate(("subject", *view.indexes))
    )
    return (f"CREATE TABLE IF NOT EXISTS {view.table} (subject text NOT NULL, {columns})", *indexes)


async def create_views(connection: AsyncConnection, stage: Stage) -> None:
    """Make the tables of the stage's views, and the functions that batches call.

    Raises ValueError where a table exists with other columns: rebuild then.
    """
    await create_functions(connection)
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '/views'))"))
    for view in stage.views:
        for statement in view_ddl(view):
            await connection.execute(text(statement))
        found = await connection.execute(
            text(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
                "AND table_name = :table ORDER BY ordinal_position"
            ),
            {"table": view.table},
        )
        names = [row.column_name for row in found]
        if names != ["subject", *view.columns]:
            message = f"{stage.service}: {view.table} has other columns; run `leadway rebuild {stage.service} --swap`"
            raise ValueError(message)

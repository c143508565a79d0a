"""Functions in a service's schema: what would be several round trips under the same locks, in one.

Each statement in them sees what was committed before it began, as it would if it were sent by itself. A function's name
ends in a digest of its text: instances of two releases use each their own, side by side.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

_SURROUNDINGS: Final = """
clock_timestamp(), left(pg_walfile_name(pg_current_wal_lsn()), 8) || pg_current_xact_id(), pg_postmaster_start_time(),
(SELECT c.revision FROM catalog_revision AS c)
"""
_SURROUNDINGS_COLUMNS: Final = "now timestamptz, xid text, server timestamptz, revision bigint"


class Function(NamedTuple):
    """A function of the database, and how it is called: with a named array for each parameter."""

    ddl: str
    name: str
    call: TextClause


def _function(name: str, parameters: str, returns: str, body: str) -> Function:
    kinds = [parameter.split() for parameter in parameters.split(",")]
    signature = ", ".join(f"_{parameter} {kind}" for parameter, kind in kinds)
    text_of = (
        f"({signature}) RETURNS TABLE ({returns}) LANGUAGE plpgsql AS $$\n#variable_conflict use_column\n{body}\n$$"
    )
    named = f"{name}_{hashlib.sha256(text_of.encode()).hexdigest()[:8]}"
    arguments = ", ".join(f"CAST(:{parameter} AS {kind})" for parameter, kind in kinds)
    return Function(f"CREATE FUNCTION {named} {text_of}", named, text(f"SELECT * FROM {named}({arguments})"))


OPEN: Final = _function(
    "open_batch",
    "topics text[], partitions int[], olds bigint[], news bigint[], marks bytea[], lead_topics text[], leads text[]",
    "topic text, subject text, state bytea, mirror bytea, last_at timestamptz, correlation text, parked boolean, "
    + _SURROUNDINGS_COLUMNS,
    f"""
DECLARE
  moved int;
  added int;
BEGIN
  IF cardinality(_topics) > 0 THEN
    UPDATE positions AS p SET position = u.new, marks = u.marks
    FROM unnest(_topics, _partitions, _olds, _news, _marks) AS u(topic, partition, old, new, marks)
    WHERE p.topic = u.topic AND p.partition = u.partition AND p.position = u.old;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < cardinality(_topics) THEN
      RETURN;
    END IF;
  END IF;
  IF cardinality(_leads) > 0 THEN
    RETURN QUERY
    INSERT INTO subjects AS s (topic, subject)
    SELECT u.topic, u.subject FROM unnest(_lead_topics, _leads) AS u(topic, subject)
    ON CONFLICT DO NOTHING
    RETURNING s.topic, s.subject, s.state, s.mirror, s.last_at, s.correlation, s.parked,
      NULL::timestamptz, NULL::text, NULL::timestamptz, NULL::bigint;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added < cardinality(_leads) THEN
      RETURN QUERY
      SELECT s.topic, s.subject, s.state, s.mirror, s.last_at, s.correlation, s.parked,
        NULL::timestamptz, NULL::text, NULL::timestamptz, NULL::bigint
      FROM subjects AS s
      WHERE s.subject = ANY(_leads) AND s.xmin <> CAST(pg_current_xact_id() AS xid)
      ORDER BY s.topic, s.subject FOR UPDATE;
    END IF;
  END IF;
  RETURN QUERY
  SELECT NULL::text, NULL::text, NULL::bytea, NULL::bytea, NULL::timestamptz, NULL::text, NULL::boolean,
    {_SURROUNDINGS};
END
""",
)
"""Positions moved on (the fence: no row at all where another instance moved them first), leads locked, the clock read:
its row, the last one, names no subject. What was put there just now is locked by that; it comes before the others."""


def _lock_keys(table: str) -> Function:
    return _function(
        f"lock_{table}",
        "unknown text[], keys text[]",
        f"key text, value bytea, {_SURROUNDINGS_COLUMNS}",
        f"""
BEGIN
  IF cardinality(_unknown) > 0 THEN
    INSERT INTO {table} (key) SELECT unnest(_unknown) ON CONFLICT DO NOTHING;
  END IF;
  RETURN QUERY
  SELECT k.key, k.value, NULL::timestamptz, NULL::text, NULL::timestamptz, NULL::bigint
  FROM {table} AS k WHERE k.key = ANY(_keys) ORDER BY k.key FOR UPDATE;
  RETURN QUERY SELECT NULL::text, NULL::bytea, {_SURROUNDINGS};
END
""",
    )


LOCK_KEYS: Final = {table: _lock_keys(table) for table in ("shared_keys", "identity_keys")}
"""Keyed rows locked, stubs put for those that are not known to be there, and then the clock read, as by OPEN."""

LOCK_IDEMPOTENCY: Final = _function(
    "lock_idempotency",
    "callers text[], methods text[], paths text[], keys text[], digests bytea[]",
    "caller text, method text, path text, key text, digest bytea, status int, answer bytea",
    """
BEGIN
  INSERT INTO idempotency (caller, method, path, key, digest, created_at)
  SELECT u.caller, u.method, u.path, u.key, u.digest, clock_timestamp()
  FROM unnest(_callers, _methods, _paths, _keys, _digests) AS u(caller, method, path, key, digest)
  ORDER BY u.caller, u.method, u.path, u.key ON CONFLICT DO NOTHING;
  RETURN QUERY
  SELECT i.caller, i.method, i.path, i.key, i.digest, i.status, i.answer FROM idempotency AS i
  JOIN unnest(_callers, _methods, _paths, _keys) AS u(caller, method, path, key) USING (caller, method, path, key)
  ORDER BY i.caller, i.method, i.path, i.key FOR UPDATE OF i;
END
""",
)
"""Idempotency keys put where they are new, and all of them locked, with the answers that they already have."""

_ALL: Final = (OPEN, *LOCK_KEYS.values(), LOCK_IDEMPOTENCY)


async def create_functions(connection: AsyncConnection) -> None:
    """Make the functions that are missing in the schema that the connection sees."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '/functions'))"))
    found = await connection.execute(
        text(
            "SELECT p.proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace "
            "WHERE n.nspname = current_schema() AND p.proname = ANY(CAST(:names AS text[]))"
        ),
        {"names": [each.name for each in _ALL]},
    )
    there = {row.proname for row in found}
    for function in _ALL:
        if function.name not in there:
            await connection.exec_driver_sql(function.ddl)

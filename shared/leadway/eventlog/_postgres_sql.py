"""The embedded log's tables and statements, written for a schema named `log`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from leadway.eventlog._port import LogLost

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")

# `heads` holds one row for each partition; its lock, kept until commit, is what makes offsets dense and lets them
# become visible in their order. The low fill factor keeps its updates within the page (no index writes).
_TABLES = """
CREATE SCHEMA IF NOT EXISTS log;
CREATE TABLE IF NOT EXISTS log.heads (
    topic text COLLATE "C" NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    floor_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition),
    CHECK (floor_offset BETWEEN 0 AND next_offset)
) WITH (fillfactor = 20);
CREATE TABLE IF NOT EXISTS log.records (
    topic text COLLATE "C" NOT NULL,
    partition int NOT NULL,
    record_offset bigint NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    type text,
    source text,
    sequence bigint,
    headers bytea NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
);
CREATE UNLOGGED TABLE IF NOT EXISTS log.members (
    consumer text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    topics text[] NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (consumer, member)
);
"""

# One call is one statement and so one transaction and one round trip: a process that freezes cannot keep a lock on
# `heads`. The caller sorts the partitions, so that two calls never wait for each other. Each inner statement reads
# with a snapshot younger than the locks before it. The notification is one for the whole call.
_APPEND = """
CREATE OR REPLACE FUNCTION log.append(
    topics text[], partitions int[], counts int[],
    keys bytea[], contents bytea[], types text[], sources text[], sequences bigint[], header_bytes bytea[],
    channel text, payload text
) RETURNS bigint[] LANGUAGE plpgsql AS $body$
DECLARE
    firsts bigint[] := ARRAY[]::bigint[];
    first_offset bigint;
    lower int := 1;
    upper int;
BEGIN
    FOR i IN 1 .. cardinality(topics) LOOP
        upper := lower + counts[i] - 1;
        WITH grown AS (
            UPDATE log.heads AS h SET next_offset = h.next_offset + counts[i]
            WHERE h.topic = topics[i] AND h.partition = partitions[i]
            RETURNING h.next_offset - counts[i] AS start
        ), added AS (
            INSERT INTO log.records
                (topic, partition, record_offset, key, value, type, source, sequence, headers)
            SELECT topics[i], partitions[i], grown.start + r.n - 1, r.key, r.value, r.type, r.source, r.seq, r.headers
            FROM grown, unnest(
                keys[lower:upper], contents[lower:upper], types[lower:upper], sources[lower:upper],
                sequences[lower:upper], header_bytes[lower:upper]
            ) WITH ORDINALITY AS r(key, value, type, source, seq, headers, n)
        )
        SELECT grown.start INTO STRICT first_offset FROM grown;
        firsts := firsts || first_offset;
        lower := upper + 1;
    END LOOP;
    PERFORM pg_notify(channel, payload);
    RETURN firsts;
END
$body$;
"""


@dataclass(frozen=True, slots=True)
class Statements:
    """Every statement of the embedded log."""

    create: str = _TABLES + _APPEND
    exists: str = "SELECT to_regclass('log.members') IS NOT NULL"
    # Taken within the transaction that creates the schema, and gone with it.
    lock_creation: str = "SELECT pg_advisory_xact_lock(hashtextextended('leadway.eventlog log.', 0))"
    add_partitions: str = """
        INSERT INTO log.heads (topic, partition)
        SELECT topic, number FROM unnest($1::text[]) AS topic, generate_series(0, $2::int - 1) AS number
        WHERE NOT EXISTS (SELECT FROM log.heads h WHERE h.topic = topic)
        ON CONFLICT DO NOTHING"""
    count_partitions: str = "SELECT topic, count(*)::int FROM log.heads WHERE topic = ANY ($1::text[]) GROUP BY topic"
    append: str = "SELECT log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    heads: str = "SELECT topic, partition, next_offset, floor_offset FROM log.heads WHERE topic = ANY ($1::text[])"
    # The rows of each partition come in order: the inner ORDER BY walks the primary key.
    fetch: str = """
        SELECT wanted.n, r.record_offset, r.key, r.value, r.headers
        FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS wanted(topic, number, start, n)
        CROSS JOIN LATERAL (
            SELECT record_offset, key, headers,
                   CASE WHEN $5::text[] IS NULL OR type = ANY ($5::text[]) THEN value END AS value
            FROM log.records
            WHERE topic = wanted.topic AND partition = wanted.number AND record_offset >= wanted.start
            ORDER BY record_offset LIMIT $4
        ) AS r
        ORDER BY wanted.n, r.record_offset"""
    trim: str = """
        WITH raised AS (
            UPDATE log.heads SET floor_offset = $3
            WHERE topic = $1 AND partition = $2 AND floor_offset < $3 AND next_offset >= $3
            RETURNING topic, partition, floor_offset
        )
        DELETE FROM log.records r USING raised
        WHERE r.topic = raised.topic AND r.partition = raised.partition AND r.record_offset < raised.floor_offset"""
    beat: str = """
        INSERT INTO log.members AS m (consumer, member, topics, until)
        VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
        ON CONFLICT (consumer, member) DO UPDATE SET topics = excluded.topics, until = excluded.until"""
    members: str = """
        SELECT consumer, member, topics FROM log.members
        WHERE consumer = ANY ($1::text[]) AND until > clock_timestamp() ORDER BY consumer, member"""
    forget: str = """
        DELETE FROM log.members WHERE (consumer, member) IN (
            SELECT consumer, member FROM log.members
            WHERE until < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED)"""
    leave: str = "DELETE FROM log.members WHERE consumer = $1 AND member = $2"
    notify: str = "SELECT pg_notify($1, $2)"


def statements(schema: str) -> Statements:
    """The statements for a schema of that name (lower case letters, digits, underscores)."""
    if not _NAME.fullmatch(schema):
        raise LogLost(f"{schema!r} cannot be the name of the log's schema: lower case letters, digits, underscores")
    kept = Statements()
    return Statements(
        **{
            each.name: getattr(kept, each.name)
            .replace("log.", f"{schema}.")
            .replace("SCHEMA IF NOT EXISTS log", f"SCHEMA IF NOT EXISTS {schema}")
            for each in fields(kept)
        }
    )

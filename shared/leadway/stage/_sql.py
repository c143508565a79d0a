"""Every statement of the runtime on its own tables. One query a class of rows, never one a row."""

from __future__ import annotations

from sqlalchemy import text

ADVANCE = text("""
UPDATE positions AS p SET position = u.new, marks = u.marks
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:olds AS bigint[]), CAST(:news AS bigint[]),
            CAST(:marks AS bytea[])) AS u(topic, partition, old, new, marks)
WHERE p.topic = u.topic AND p.partition = u.partition AND p.position = u.old
RETURNING p.partition
""")
POSITIONS = text("SELECT topic, partition, position, marks FROM positions")
ADD_POSITIONS = text("""
INSERT INTO positions (topic, partition, position, marks)
SELECT topic, partition, 0, '\\x' FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[])) AS u(topic, partition)
ON CONFLICT DO NOTHING
""")
ADD_RESENDS = text("""
INSERT INTO resends (topic, partition, "offset")
SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
ON CONFLICT DO NOTHING
""")

SAVE_IDEMPOTENCY = """
UPDATE idempotency AS i SET status = u.status, answer = u.answer
FROM unnest(CAST(:callers AS text[]), CAST(:methods AS text[]), CAST(:paths AS text[]), CAST(:keys AS text[]),
            CAST(:statuses AS int[]), CAST(:answers AS bytea[])) AS u(caller, method, path, key, status, answer)
WHERE i.caller = u.caller AND i.method = u.method AND i.path = u.path AND i.key = u.key
"""
DROP_IDEMPOTENCY = text("""
DELETE FROM idempotency AS i
USING unnest(CAST(:callers AS text[]), CAST(:methods AS text[]), CAST(:paths AS text[]), CAST(:keys AS text[]))
  AS u(caller, method, path, key)
WHERE i.caller = u.caller AND i.method = u.method AND i.path = u.path AND i.key = u.key AND i.status IS NULL
""")
EXPIRE_IDEMPOTENCY = text("""
DELETE FROM idempotency WHERE ctid IN (
  SELECT ctid FROM idempotency WHERE created_at < clock_timestamp() - make_interval(hours => :hours) LIMIT 5000)
""")

SAVE_SUBJECTS = """
INSERT INTO subjects (topic, subject, state, mirror, last_at, correlation, parked)
SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:subjects AS text[]), CAST(:states AS bytea[]),
  CAST(:mirrors AS bytea[]), CAST(:last_ats AS timestamptz[]), CAST(:correlations AS text[]), CAST(:parked AS bool[]))
ON CONFLICT (subject, topic) DO UPDATE SET state = coalesce(excluded.state, subjects.state),
  mirror = coalesce(excluded.mirror, subjects.mirror), last_at = excluded.last_at,
  correlation = excluded.correlation, parked = excluded.parked
"""
# Only those of this very transaction: whoever waits for a row that others could see must find it there afterwards.
DROP_STUBS = """
DELETE FROM subjects AS s USING unnest(CAST(:topics AS text[]), CAST(:subjects AS text[])) AS u(topic, subject)
WHERE s.topic = u.topic AND s.subject = u.subject AND s.xmin = CAST(pg_current_xact_id() AS xid)
  AND s.state IS NULL AND s.mirror IS NULL AND s.last_at IS NULL AND NOT s.parked
"""
READ_SUBJECTS = text("""
SELECT subject, state, mirror FROM subjects WHERE topic = :topic AND subject = ANY(CAST(:subjects AS text[]))
""")

ADD_KEYS = {
    table: text(f"INSERT INTO {table} (key) SELECT unnest(CAST(:keys AS text[])) ON CONFLICT DO NOTHING")
    for table in ("shared_keys", "identity_keys")
}
SAVE_KEYS = """
UPDATE {table} AS t SET value = u.value
FROM unnest(CAST(:keys AS text[]), CAST(:values AS bytea[])) AS u(key, value) WHERE t.key = u.key
"""
NEXT_REVISION = text("UPDATE catalog_revision SET revision = revision + 1 RETURNING revision")
SAVE_CATALOGS = text("""
INSERT INTO catalogs (kind, entity_id, version, document, revision)
SELECT kind, entity_id, version, document, :revision
FROM unnest(CAST(:kinds AS text[]), CAST(:entities AS text[]), CAST(:versions AS bigint[]), CAST(:documents AS bytea[]))
  AS u(kind, entity_id, version, document)
ON CONFLICT (kind, entity_id) DO UPDATE
SET version = excluded.version, document = excluded.document, revision = excluded.revision
WHERE catalogs.version < excluded.version
""")

DROP_TIMERS = """
DELETE FROM timers AS t USING unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS u(subject, name)
WHERE t.subject = u.subject AND t.name = u.name
"""
SAVE_TIMERS = """
INSERT INTO timers (subject, name, due_at)
SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[]), CAST(:dues AS timestamptz[]))
ON CONFLICT (subject, name) DO UPDATE SET due_at = excluded.due_at
"""
# The statement's time, for a volatile clock is no condition of an index; and each lead's flag by its key, for a join
# would read every lead.
DUE_TIMERS = text("""
SELECT t.subject, t.name, t.due_at FROM timers AS t
WHERE t.due_at <= statement_timestamp()
  AND (SELECT s.parked FROM subjects AS s WHERE s.subject = t.subject AND s.topic = 'lead-events') IS NOT TRUE
  AND (t.subject, t.name, t.due_at) NOT IN (
    SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[]), CAST(:dues AS timestamptz[])))
ORDER BY t.due_at LIMIT :limit
""")
NEXT_TIMER = text("""
SELECT extract(epoch FROM t.due_at - clock_timestamp())::float8 AS seconds FROM timers AS t
WHERE (SELECT s.parked FROM subjects AS s WHERE s.subject = t.subject AND s.topic = 'lead-events') IS NOT TRUE
  AND (t.subject, t.name, t.due_at) NOT IN (
    SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[]), CAST(:dues AS timestamptz[])))
ORDER BY t.due_at LIMIT 1
""")

ADD_COUNTERS = text("""
INSERT INTO counters (topic, partition, sequence)
SELECT topic, partition, 0 FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[])) AS u(topic, partition)
ON CONFLICT DO NOTHING
""")
COUNT = """
WITH held AS (
  SELECT c.topic, c.partition, u.count FROM counters AS c
  JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:counts AS bigint[])) AS u(topic, partition, count)
    USING (topic, partition)
  ORDER BY c.topic, c.partition FOR UPDATE OF c)
UPDATE counters AS c SET sequence = c.sequence + h.count FROM held AS h
WHERE c.topic = h.topic AND c.partition = h.partition
RETURNING c.topic, c.partition, c.sequence - h.count AS base
"""
OUT = """
INSERT INTO outbox (topic, partition, sequence, key, headers, value)
SELECT u.topic, u.partition, m.base + u.nth, u.key, u.headers, u.value
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:nths AS bigint[]), CAST(:keys AS text[]),
  CAST(:headers AS bytea[]), CAST(:values AS bytea[])) AS u(topic, partition, nth, key, headers, value)
JOIN {counted} AS m USING (topic, partition)
"""

PARK = text("""
INSERT INTO parked (topic, partition, "offset", subject, type, reason, parked_at)
SELECT u.*, clock_timestamp() FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]),
  CAST(:offsets AS bigint[]), CAST(:subjects AS text[]), CAST(:types AS text[]), CAST(:reasons AS text[])) AS u
ON CONFLICT (topic, partition, "offset") DO UPDATE SET reason = excluded.reason, verdict = NULL
""")
STILL_PARKED = text("""
SELECT p.topic, p.partition, p."offset" FROM parked AS p
JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) AS u(topic, partition, "offset")
  ON p.topic = u.topic AND p.partition = u.partition AND p."offset" = u."offset"
WHERE p.verdict IS NULL
""")
RELEASED = text("""
UPDATE parked AS p SET verdict = 'released'
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) AS u(topic, partition, "offset")
WHERE p.topic = u.topic AND p.partition = u.partition AND p."offset" = u."offset"
""")
COUNTERS = text("SELECT topic, partition, sequence FROM counters")
POSITION = text("SELECT position FROM positions WHERE topic = :topic AND partition = :partition")
SENT = text('SELECT topic, partition, sequence, "offset", id, scanned FROM sent')
SAVE_SENT = text("""
WITH cleared AS (
  DELETE FROM outbox AS o USING unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:sequences AS bigint[]))
    AS u(topic, partition, sequence)
  WHERE o.topic = u.topic AND o.partition = u.partition AND o.sequence <= u.sequence)
INSERT INTO sent (topic, partition, sequence, "offset", id, scanned)
SELECT topic, partition, sequence, "offset", id, "offset" FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]),
  CAST(:sequences AS bigint[]), CAST(:offsets AS bigint[]), CAST(:ids AS text[]))
  AS u(topic, partition, sequence, "offset", id)
ON CONFLICT (topic, partition) DO UPDATE SET sequence = excluded.sequence, "offset" = excluded."offset",
  id = excluded.id, scanned = greatest(sent.scanned, excluded.scanned)
WHERE sent.sequence < excluded.sequence
""")
SAVE_SCANNED = text("""
INSERT INTO sent (topic, partition, sequence, "offset", id, scanned)
SELECT topic, partition, 0, -1, '', scanned
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:scanned AS bigint[])) AS u(topic, partition, scanned)
ON CONFLICT (topic, partition) DO UPDATE SET scanned = greatest(sent.scanned, excluded.scanned)
""")
OUTBOX = text("""
SELECT topic, partition, sequence, key, headers, value FROM outbox
WHERE topic = :topic AND partition = :partition AND sequence > :sequence ORDER BY sequence LIMIT :limit
""")
OUTBOX_HEADS = text("SELECT topic, partition, max(sequence) AS sequence FROM outbox GROUP BY topic, partition")
OUTBOX_SIZE = text("SELECT count(*) FROM outbox")
TAKE_LEASE = text("""
INSERT INTO leases AS l (name, holder, until) VALUES (:name, :holder, clock_timestamp() + make_interval(secs => :seconds))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
RETURNING holder
""")
GIVE_LEASE = text("DELETE FROM leases WHERE name = :name AND holder = :holder")
LEASE_HOLDER = text("SELECT holder, until < clock_timestamp() AS over FROM leases WHERE name = :name")
EXPIRED_INSTANCES = text("""
DELETE FROM leases WHERE name LIKE 'instance:%' AND until < clock_timestamp() - make_interval(secs => :seconds)
RETURNING holder
""")
STOP_BACKENDS = text("""
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = ANY(CAST(:names AS text[])) AND pid <> pg_backend_pid()
""")
PEEK_STATES = text("""
SELECT state FROM subjects
WHERE subject = ANY(CAST(:subjects AS text[])) AND topic = 'lead-events' AND state IS NOT NULL
""")
LIVE_INSTANCES = text("SELECT count(*) FROM leases WHERE name LIKE 'instance:%' AND until > clock_timestamp()")

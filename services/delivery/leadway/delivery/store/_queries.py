"""What is read of the own tables, and what is written to those that are kept (attempts, endpoints' health)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from leadway.delivery.decider import State
from leadway.delivery.translate import Lead
from leadway.stage import StageRuntime

_states: Final = msgspec.msgpack.Decoder[State](State)
_leads: Final = msgspec.msgpack.Decoder(Lead)

# The lease ends by itself when the lead's head at the endpoint moves on: `number` is then another one.
_CLAIM: Final = """
WITH asked AS (
  SELECT * FROM unnest(CAST(:endpoints AS text[]), CAST(:rooms AS integer[])) AS a(endpoint_id, room)),
heads AS MATERIALIZED (
  SELECT a.endpoint_id, h.subject, h.number FROM asked AS a CROSS JOIN LATERAL (
    SELECT p.subject, p.number FROM pending AS p
    LEFT JOIN turns AS t ON t.endpoint_id = p.endpoint_id AND t.subject = p.subject
    WHERE p.endpoint_id = a.endpoint_id AND p.head
      AND (t.subject IS NULL OR t.number < p.number
           OR (t.leased_until <= statement_timestamp() AND t.next_attempt_at <= statement_timestamp()))
    ORDER BY p.fact_time, p.subject LIMIT a.room) AS h),
claimed AS (
  INSERT INTO turns AS t (endpoint_id, subject, number, leased_until, owner)
  SELECT endpoint_id, subject, number, statement_timestamp() + make_interval(secs => :lease_seconds), :owner
  FROM heads ORDER BY endpoint_id, subject
  ON CONFLICT (endpoint_id, subject) DO UPDATE SET
    attempts = CASE WHEN t.number = excluded.number THEN t.attempts ELSE 0 END,
    deferrals = CASE WHEN t.number = excluded.number THEN t.deferrals ELSE 0 END,
    number = excluded.number, leased_until = excluded.leased_until, owner = excluded.owner
  WHERE t.number < excluded.number
     OR (t.leased_until <= statement_timestamp() AND t.next_attempt_at <= statement_timestamp())
  RETURNING t.endpoint_id, t.subject, t.number, t.attempts, t.deferrals)
SELECT c.*, s.state, s.mirror FROM claimed AS c
JOIN subjects AS s ON s.subject = c.subject AND s.topic = 'lead-events'
"""

_AGAIN: Final = """
UPDATE turns SET attempts = :attempts, deferrals = :deferrals, last_status = :status, last_reason = :reason,
  last_at = statement_timestamp(), leased_until = '-infinity',
  next_attempt_at = statement_timestamp() + make_interval(secs => :seconds)
WHERE endpoint_id = :endpoint_id AND subject = :subject AND number = :number AND owner = :owner
"""

_TROUBLED: Final = """
INSERT INTO endpoint_health AS h (endpoint_id, troubles, troubled_since, resting_until, last_status, last_reason)
VALUES (:endpoint_id, 1, statement_timestamp(), statement_timestamp() + make_interval(secs => :seconds),
        :status, :reason)
ON CONFLICT (endpoint_id) DO UPDATE SET
  troubles = :troubles,
  troubled_since = CASE WHEN h.troubles = 0 THEN excluded.troubled_since ELSE h.troubled_since END,
  resting_until = greatest(h.resting_until, excluded.resting_until),
  last_status = excluded.last_status, last_reason = excluded.last_reason
RETURNING extract(epoch FROM statement_timestamp() - troubled_since)::float8 AS for_seconds
"""

_WELL: Final = "DELETE FROM endpoint_health WHERE endpoint_id = :endpoint_id"
_DUE_NOW: Final = """
UPDATE turns SET next_attempt_at = statement_timestamp(), deferrals = 0
WHERE endpoint_id = :endpoint_id AND deferrals > 0
"""
_HEALTH: Final = """
SELECT endpoint_id, troubles, extract(epoch FROM resting_until - statement_timestamp())::float8 AS rests
FROM endpoint_health
"""
_OF_DELETED: Final = """
SELECT subject, endpoint_id, fact_id FROM pending WHERE endpoint_id = ANY(CAST(:endpoints AS text[])) LIMIT :limit
"""
_FORGET: Final = """
DELETE FROM turns WHERE ctid IN (
  SELECT t.ctid FROM turns AS t
  WHERE t.leased_until < statement_timestamp() - interval '10 minutes' AND NOT EXISTS (
    SELECT FROM pending AS p WHERE p.subject = t.subject AND p.endpoint_id = t.endpoint_id)
  LIMIT :limit)
"""
_DELIVERIES: Final = """
WITH messages AS (
  SELECT p.endpoint_id, p.subject, p.number, p.fact_id, p.fact_type, p.fact_time, 'pending' AS status,
         coalesce(t.attempts + t.deferrals, 0) AS attempts, t.last_status AS http_status, t.last_reason AS reason,
         t.next_attempt_at, NULL::timestamptz AS finished_at
  FROM pending AS p
  LEFT JOIN turns AS t ON t.endpoint_id = p.endpoint_id AND t.subject = p.subject AND t.number = p.number
  WHERE p.endpoint_id = :endpoint_id
  UNION ALL
  SELECT f.endpoint_id, f.subject, f.number, f.fact_id, f.fact_type, f.fact_time,
         CASE WHEN f.reason IS NULL THEN 'delivered' ELSE 'failed' END, f.attempts, f.http_status, f.reason,
         NULL, f.finished_at
  FROM finished AS f WHERE f.endpoint_id = :endpoint_id)
SELECT * FROM messages
WHERE CAST(:subject AS text) IS NULL OR (fact_time, subject, number) < (
  SELECT m.fact_time, m.subject, m.number FROM messages AS m WHERE m.subject = :subject AND m.number = :number)
ORDER BY fact_time DESC, subject DESC, number DESC LIMIT :limit
"""
_ACTIVE: Final = """
SELECT subject FROM active_leads WHERE active_until >= :since AND subject > :after ORDER BY subject LIMIT :limit
"""
_TOLD: Final = """
SELECT subject FROM told_leads
WHERE partner_id = :partner_id AND active_until >= :since AND subject > :after ORDER BY subject LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that this instance may send now: nobody else does before the lease ends."""

    endpoint_id: str
    lead_id: str
    number: int
    attempts: int
    deferrals: int
    state: State
    lead: Lead


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is: troubles in a row, and how long it still rests."""

    troubles: int = 0
    rests_seconds: float = 0.0


async def claim(runtime: StageRuntime, rooms: Mapping[str, int], *, owner: str, lease_seconds: float) -> list[Turn]:
    """Take the next messages of these endpoints, at most `rooms` of each, one of a lead, with all that they tell."""
    rows = await runtime.keep(
        _CLAIM, endpoints=list(rooms), rooms=list(rooms.values()), owner=owner, lease_seconds=lease_seconds
    )
    return [
        Turn(
            endpoint_id=row["endpoint_id"],
            lead_id=row["subject"],
            number=row["number"],
            attempts=row["attempts"],
            deferrals=row["deferrals"],
            state=_states.decode(row["state"]),
            lead=Lead() if row["mirror"] is None else _leads.decode(row["mirror"]),
        )
        for row in rows
        if row["state"] is not None
    ]


async def try_again(
    runtime: StageRuntime,
    turn: Turn,
    *,
    owner: str,
    seconds: float,
    status: int | None,
    reason: str,
    refused: bool,
) -> None:
    """Keep that an attempt failed. `refused`: it used up one of the message's attempts; else it is the endpoint's."""
    await runtime.keep(
        _AGAIN,
        endpoint_id=turn.endpoint_id,
        subject=turn.lead_id,
        number=turn.number,
        owner=owner,
        seconds=seconds,
        status=status,
        reason=reason,
        attempts=turn.attempts + int(refused),
        deferrals=turn.deferrals + int(not refused),
    )


async def troubled(
    runtime: StageRuntime, endpoint_id: str, *, troubles: int, seconds: float, status: int | None, reason: str
) -> float:
    """Keep that an endpoint is in trouble and rests for `seconds`; gives for how long it has been so."""
    rows = await runtime.keep(
        _TROUBLED, endpoint_id=endpoint_id, troubles=troubles, seconds=seconds, status=status, reason=reason
    )
    return float(rows[0]["for_seconds"])


async def well(runtime: StageRuntime, endpoint_id: str, *, was_down: bool) -> None:
    """An endpoint takes messages again. `was_down`: what waited because of it need not wait longer."""
    await runtime.keep(_WELL, endpoint_id=endpoint_id)
    if was_down:
        await runtime.keep(_DUE_NOW, endpoint_id=endpoint_id)


async def health(runtime: StageRuntime) -> dict[str, Health]:
    """The endpoints that are in trouble."""
    rows = await runtime.query(_HEALTH)
    return {row["endpoint_id"]: Health(row["troubles"], float(row["rests"])) for row in rows}


async def of_deleted(runtime: StageRuntime, endpoints: Sequence[str], limit: int) -> Sequence[Mapping[str, Any]]:
    """Messages that wait for endpoints that are no more."""
    return await runtime.query(_OF_DELETED, endpoints=list(endpoints), limit=limit)


async def forget_turns(runtime: StageRuntime, limit: int) -> None:
    """Drop what was kept of messages that ended a while ago."""
    await runtime.keep(_FORGET, limit=limit)


async def deliveries(
    runtime: StageRuntime, endpoint_id: str, *, after: tuple[str, int] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """An endpoint's messages, newest fact first, after the one of a lead with that number."""
    subject, number = after or (None, None)
    return await runtime.query(_DELIVERIES, endpoint_id=endpoint_id, subject=subject, number=number, limit=limit)


async def active_leads(
    runtime: StageRuntime, *, partner_id: str | None, since: datetime, after: str, limit: int
) -> list[str]:
    """Leads of which something may have been said since an instant, by id: to that partner; None: to the vendor."""
    asked = {"since": since, "after": after, "limit": limit}
    if partner_id is None:
        rows = await runtime.query(_ACTIVE, **asked)
    else:
        rows = await runtime.query(_TOLD, partner_id=partner_id, **asked)
    return [row["subject"] for row in rows]

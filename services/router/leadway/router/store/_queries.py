"""What the API reads: lists of leads, and the pool of a partner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from leadway.router.decider import State, Unrouted
from leadway.router.policy.interest import Interest
from leadway.stage import StageRuntime

_LEADS = """
SELECT r.subject
FROM routed_leads r LEFT JOIN closed_leads c ON c.subject = r.subject
WHERE (CAST(:after AS text) IS NULL OR r.subject < :after)
  AND (CAST(:partner_id AS text) IS NULL OR r.partner_id = :partner_id)
  AND (CAST(:state AS text) IS NULL OR CASE WHEN c.subject IS NULL THEN r.state ELSE 'closed' END = :state)
ORDER BY r.subject DESC LIMIT :fetch
"""
_UNROUTED = """
SELECT k.subject
FROM known_leads k LEFT JOIN routed_leads r ON r.subject = k.subject LEFT JOIN closed_leads c ON c.subject = k.subject
WHERE r.subject IS NULL AND c.subject IS NULL AND (CAST(:after AS text) IS NULL OR k.subject < :after)
ORDER BY k.subject DESC LIMIT :fetch
"""
_POOL = """
SELECT p.subject
FROM claimable_leads p LEFT JOIN closed_leads c ON c.subject = p.subject
WHERE p.partner_id = :partner_id AND c.subject IS NULL
  AND (p.closes_at IS NULL OR p.closes_at >= clock_timestamp())
  AND (CAST(:after AS text) IS NULL OR p.subject < :after)
ORDER BY p.subject DESC LIMIT :fetch
"""
_OPEN = """
SELECT count(*) AS open FROM routed_leads WHERE partner_id = :partner_id
"""


async def lead(runtime: StageRuntime, lead_id: str) -> tuple[State, Interest]:
    """What a lead is to the router, and what is known of it."""
    state, mirror = await runtime.lead(lead_id)
    return cast("State", state), cast("Interest", mirror)


async def lead_once_known(runtime: StageRuntime, lead_id: str) -> tuple[State, Interest]:
    """As `lead`; one that nobody here has heard of yet is looked for on the log first."""

    def known(state: State, interest: Interest) -> bool:
        return interest.known or not isinstance(state, Unrouted)

    state, mirror = await runtime.lead_once_known(lead_id, known)
    return cast("State", state), cast("Interest", mirror)


async def leads(runtime: StageRuntime, lead_ids: Sequence[str]) -> Sequence[tuple[str, State, Interest]]:
    """As `lead`, of a whole page, in its order."""
    found = await runtime.leads(lead_ids)
    return [(lead_id, cast("State", state), cast("Interest", mirror)) for lead_id, (state, mirror) in found.items()]


async def lead_ids(
    runtime: StageRuntime, *, fetch: int, after: str | None, state: str | None, partner_id: str | None
) -> Sequence[str]:
    """Leads that were routed, the youngest first; with `partner_id` those that it holds. `state`: `unrouted` too."""
    if state == "unrouted":
        rows = [] if partner_id else await runtime.query(_UNROUTED, fetch=fetch, after=after)
        return [row["subject"] for row in rows]
    rows = await runtime.query(_LEADS, fetch=fetch, after=after, state=state, partner_id=partner_id)
    return [row["subject"] for row in rows]


async def claimable_ids(runtime: StageRuntime, partner_id: str, *, fetch: int, after: str | None) -> Sequence[str]:
    """Leads in a pool that the partner is offered and whose time for claims is not over, the youngest first."""
    rows = await runtime.query(_POOL, partner_id=partner_id, fetch=fetch, after=after)
    return [row["subject"] for row in rows]


async def open_leads(runtime: StageRuntime, partner_id: str) -> int:
    """How many leads the partner holds."""
    rows = await runtime.query(_OPEN, partner_id=partner_id)
    return int(rows[0]["open"])

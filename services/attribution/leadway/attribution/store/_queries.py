"""What revenue is reckoned from, read in sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from leadway.attribution.policy import By, CampaignCodes, Period, Touched
from leadway.attribution.store._views import SAYINGS_SEPARATOR
from leadway.stage import StageRuntime

Row = Mapping[str, Any]
Counted = Literal["leads", "opportunities"]
COUNTED: Final[tuple[Counted, ...]] = get_args(Counted)

_BOOKINGS: Final = """
WITH asked AS (
  SELECT DISTINCT b.deal_id, b.subject FROM bookings AS b LEFT JOIN leads AS l ON l.subject = b.subject
  WHERE b.booked_at >= :start AND b.booked_at < :end
    AND (CAST(:origin AS text) IS NULL OR l.origin = :origin)
    AND (CAST(:partners AS text[]) IS NULL OR b.partner_id = ANY(CAST(:partners AS text[]))))
SELECT b.*, l.country FROM bookings AS b
JOIN asked AS a ON a.deal_id = b.deal_id AND a.subject = b.subject
LEFT JOIN leads AS l ON l.subject = b.subject
ORDER BY b.subject, b.deal_id, b.number
"""
_TOUCHES: Final = """
SELECT subject, fact_id, occurred_at, source_id, said, campaign_id FROM touches
WHERE subject = ANY(CAST(:subjects AS text[]))
"""
# A touch's campaign: the first saying that is a code (or an id) now, else the one that was known at capture.
_NAMED: Final = """
codes AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:campaigns AS text[])) AS c(code, campaign)),
named AS (
  SELECT t.subject, t.occurred_at, t.source_id, coalesce(
    (SELECT c.campaign FROM unnest(string_to_array(t.said, :separator)) WITH ORDINALITY AS s(code, place)
     JOIN codes AS c ON c.code = lower(btrim(s.code)) ORDER BY s.place LIMIT 1), t.campaign_id) AS campaign
  FROM touches AS t)
"""
_SUBJECTS: Final[Mapping[Counted, str]] = {
    "leads": """
SELECT l.subject, '' AS id, l.country, CAST('infinity' AS timestamptz) AS until, NULL AS partner_id
FROM leads AS l
WHERE l.captured_at >= :start AND l.captured_at < :end
  AND (CAST(:origin AS text) IS NULL OR l.origin = :origin) AND (CAST(:partners AS text[]) IS NULL OR EXISTS (
    SELECT FROM holds AS h WHERE h.subject = l.subject AND h.partner_id = ANY(CAST(:partners AS text[]))))""",
    "opportunities": """
SELECT l.subject, o.opportunity_id AS id, l.country, o.opened_at AS until, o.partner_id
FROM opportunities AS o JOIN leads AS l ON l.subject = o.subject
WHERE o.opened_at >= :start AND o.opened_at < :end
  AND (CAST(:origin AS text) IS NULL OR l.origin = :origin) AND (CAST(:partners AS text[]) IS NULL OR EXISTS (
    SELECT FROM holds AS h WHERE h.subject = l.subject AND h.partner_id = ANY(CAST(:partners AS text[]))))""",
}


async def bookings_of(
    runtime: StageRuntime, *, period: Period, origin: str | None, partners: list[str] | None
) -> Sequence[Row]:
    """All bookings of every deal that has one in the period, in log order of each deal."""
    return await runtime.query(_BOOKINGS, **_bounds(period), origin=origin, partners=partners)


async def touches_of(
    runtime: StageRuntime, subjects: Sequence[str], codes: CampaignCodes, tactics: Mapping[str, str]
) -> dict[str, list[Touched]]:
    """The touches of leads that name a campaign, with the campaign that they name now."""
    rows = await runtime.query(_TOUCHES, subjects=list(subjects))
    found: dict[str, list[Touched]] = {}
    for row in rows:
        said = row["said"].split(SAYINGS_SEPARATOR) if row["said"] else ()
        campaign = codes.resolve(said, row["campaign_id"])
        touch = Touched(
            fact_id=row["fact_id"],
            occurred_at=row["occurred_at"],
            campaign=campaign,
            tactic=tactics.get(campaign or ""),
            source=row["source_id"],
        )
        found.setdefault(row["subject"], []).append(touch)
    return found


async def leads_by_key(
    runtime: StageRuntime,
    what: Counted,
    by: By,
    *,
    codes: CampaignCodes,
    tactics: Mapping[str, str],
    period: Period,
    origin: str | None,
    partners: list[str] | None,
) -> dict[str | None, int]:
    """How many leads were captured, or opportunities opened, in the period, by key; a lead counts once for a key."""
    key, join = _key(by, what)
    sql = f"""
WITH asked AS ({_SUBJECTS[what]}), {_NAMED},
tactics AS (SELECT * FROM unnest(CAST(:tactic_of AS text[]), CAST(:tactics AS text[])) AS x(campaign, tactic))
SELECT keyed.key, CAST(count(*) AS integer) AS n FROM (
  SELECT DISTINCT a.subject, a.id, {key} AS key FROM asked AS a {join}) AS keyed
GROUP BY keyed.key
"""  # noqa: S608 every part is written here
    rows = await runtime.query(
        sql,
        **_bounds(period),
        origin=origin,
        partners=partners,
        separator=SAYINGS_SEPARATOR,
        codes=list(codes.by_code),
        campaigns=list(codes.by_code.values()),
        tactic_of=list(tactics),
        tactics=list(tactics.values()),
    )
    return {row["key"]: row["n"] for row in rows}


def _key(by: By, what: Counted) -> tuple[str, str]:
    touched = (
        "LEFT JOIN named AS n ON n.subject = a.subject AND n.campaign IS NOT NULL AND n.occurred_at <= a.until "
        "LEFT JOIN tactics AS x ON x.campaign = n.campaign"
    )
    match by:
        case "campaign":
            return "n.campaign", touched
        case "tactic":
            return "x.tactic", touched
        case "source":
            return "n.source_id", touched
        case "geography":
            return "a.country", ""
        case "partner" if what == "leads":
            own = "AND (CAST(:partners AS text[]) IS NULL OR h.partner_id = ANY(CAST(:partners AS text[])))"
            return "h.partner_id", f"LEFT JOIN holds AS h ON h.subject = a.subject {own}"
        case "partner":
            return "a.partner_id", ""


def _bounds(period: Period) -> dict[str, datetime]:
    return {"start": period.start or _EVER[0], "end": period.end or _EVER[1]}


_EVER: Final = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))

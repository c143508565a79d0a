"""What dealreg's routes read of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leadway.dealreg.decider.state import Deal
from leadway.dealreg.policy.conflict import same_company, same_product
from leadway.dealreg.store._views import deal_from
from leadway.facts.dealreg import CompanyMatch
from leadway.stage import StageRuntime

CANDIDATES_MAX: Final = 50
_OWN_LEADS: Final = """
    SELECT subject, domain, name, country, product FROM known_leads
    WHERE partner_id = :partner_id AND (domain = :domain OR name = :name)
    UNION
    SELECT subject, domain, name, country, product FROM deals
    WHERE partner_id = :partner_id AND lead_open AND (domain = :domain OR name = :name)
    ORDER BY subject DESC LIMIT :most
"""
_DEALS: Final = """
    SELECT subject, document FROM deals
    WHERE (CAST(:after AS text) IS NULL OR deal_id < :after)
      AND (CAST(:lead_id AS text) IS NULL OR subject = :lead_id)
      AND (CAST(:partner_id AS text) IS NULL OR partner_id = :partner_id)
      AND (CAST(:registration AS text) IS NULL OR registration = :registration)
      AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
      AND (CAST(:partners AS text[]) IS NULL OR partner_id IS NULL OR partner_id = ANY(CAST(:partners AS text[])))
    ORDER BY deal_id DESC LIMIT :fetch
"""


async def lead_of_deal(runtime: StageRuntime, deal_id: str) -> str | None:
    """The lead that a deal belongs to."""
    rows = await runtime.query("SELECT subject FROM deals WHERE deal_id = :deal_id LIMIT 1", deal_id=deal_id)
    return str(rows[0]["subject"]) if rows else None


async def own_lead(
    runtime: StageRuntime, partner_id: str, match: CompanyMatch | None, product: str | None
) -> str | None:
    """The youngest open lead that a partner has of a company and product; its hold is checked again when deciding."""
    if match is None:
        return None
    rows = await runtime.query(
        _OWN_LEADS, partner_id=partner_id, domain=match.domain, name=match.name, most=CANDIDATES_MAX
    )
    return next((str(row["subject"]) for row in rows if _same(row, match, product)), None)


def _same(row: Mapping[str, Any], match: CompanyMatch, product: str | None) -> bool:
    other = CompanyMatch(domain=row["domain"], name=row["name"], country=row["country"])
    return same_company(other, match) and same_product(row["product"], product)


async def deals(
    runtime: StageRuntime,
    *,
    fetch: int,
    after: str | None = None,
    lead_id: str | None = None,
    partner_id: str | None = None,
    registration: str | None = None,
    outcome: str | None = None,
    partners: Sequence[str] | None = None,
) -> list[tuple[str, Deal]]:
    """(lead id, deal), the youngest first. `partners`: only theirs, and the vendor's own; None: everybody's."""
    rows = await runtime.query(
        _DEALS,
        fetch=fetch,
        after=after,
        lead_id=lead_id,
        partner_id=partner_id,
        registration=registration,
        outcome=outcome,
        partners=list(partners) if partners is not None else None,
    )
    return [(str(row["subject"]), deal_from(bytes(row["document"]))) for row in rows]

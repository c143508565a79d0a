"""Revenue by key: bookings, touches and counts from the views, names and spend from the catalogs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from leadway.attribution import store
from leadway.attribution.api._chain import campaign_codes
from leadway.attribution.policy import (
    MODELS,
    Amounts,
    Booked,
    By,
    Line,
    Period,
    Sale,
    Touched,
    report,
    roi,
    spend_within,
)
from leadway.facts.ingest import CampaignChanged, CampaignSpendChanged, SourceChanged
from leadway.facts.router import PartnerChanged
from leadway.stage import Catalogs, StageRuntime


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about revenue. `partners`: the caller sees these only; None: all."""

    by: By
    model: str
    window: timedelta | None
    period: Period
    origin: str | None
    partners: list[str] | None


async def revenue(runtime: StageRuntime, asked: Asked) -> list[dict[str, Any]]:
    """The rows that answer, by key; the row without a key comes last."""
    catalogs = await runtime.catalogs()
    codes = campaign_codes(catalogs)
    campaigns = catalogs.all(CampaignChanged)
    tactics = {campaign_id: campaign.tactic for campaign_id, campaign in campaigns.items()}
    rows = await store.bookings_of(runtime, period=asked.period, origin=asked.origin, partners=asked.partners)
    touches = await store.touches_of(runtime, sorted({row["subject"] for row in rows}), codes, tactics)
    model = MODELS[asked.model]
    lines = report(_sales(rows, touches), asked.by, model, window=asked.window, period=asked.period)
    if asked.partners is None:
        _add_spend(lines, asked, catalogs, tactics)
    counts = {
        what: await store.leads_by_key(
            runtime,
            what,
            asked.by,
            codes=codes,
            tactics=tactics,
            period=asked.period,
            origin=asked.origin,
            partners=asked.partners,
        )
        for what in store.COUNTED
    }
    keys = lines.keys() | counts["leads"].keys() | counts["opportunities"].keys()
    if asked.by == "partner" and asked.partners is not None:
        keys &= set(asked.partners)
    return [
        {
            "key": key,
            "name": _name(asked.by, key, catalogs),
            "leads": counts["leads"].get(key, 0),
            "opportunities": counts["opportunities"].get(key, 0),
            "deals_won": lines[key].deals_won if key in lines else 0,
            "amounts": _amounts(lines.get(key, Line())),
        }
        for key in sorted(keys, key=lambda key: (key is None, key or ""))
    ]


def _sales(rows: Iterable[store.Row], touches: dict[str, list[Touched]]) -> Iterable[tuple[Sale, datetime | None]]:
    for (subject, deal_id), group in groupby(rows, key=lambda row: (row["subject"], row["deal_id"])):
        booked = list(group)
        first = booked[0]
        sale = Sale(
            deal_id=deal_id,
            opened_at=first["opened_at"],
            partner=first["partner_id"],
            geography=first["country"],
            touches=touches.get(subject, ()),
            bookings=[Booked(row["fact_id"], row["booked_at"], row["minor"], row["currency"]) for row in booked],
        )
        yield sale, first["won_at"]


def _add_spend(lines: dict[str | None, Line], asked: Asked, catalogs: Catalogs, tactics: dict[str, str]) -> None:
    if asked.by not in {"campaign", "tactic"}:
        return
    for campaign_id, booked in catalogs.all(CampaignSpendChanged).items():
        key = campaign_id if asked.by == "campaign" else tactics.get(campaign_id)
        for spend in booked.entries:
            minor = spend_within(spend.amount.minor, spend.from_, spend.to, asked.period)
            if minor:
                lines.setdefault(key, Line()).of(spend.amount.currency).spend += minor


def _amounts(line: Line) -> list[dict[str, Any]]:
    return [_amount(currency, line.amounts[currency]) for currency in sorted(line.amounts)]


def _amount(currency: str, sums: Amounts) -> dict[str, Any]:
    body: dict[str, Any] = {"currency": currency, "revenue": sums.revenue, "credit": sums.credit}
    if sums.spend:
        body |= {"spend": sums.spend, "roi": roi(sums.credit, sums.spend)}
    return body


def _name(by: By, key: str | None, catalogs: Catalogs) -> str | None:
    if key is None:
        return None
    match by:
        case "campaign":
            found = catalogs.get(CampaignChanged, key)
        case "partner":
            found = catalogs.get(PartnerChanged, key)
        case "source":
            found = catalogs.get(SourceChanged, key)
        case "tactic" | "geography":
            return key
    return None if found is None else found.name

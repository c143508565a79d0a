"""Attribution's reports, as its users get them."""

from __future__ import annotations

from collections import Counter

import httpx

from leadway.verify._credit import Credited

_BY = ("campaign", "partner", "tactic", "geography", "source")
_MODELS = ("first", "last", "linear")
_SECONDS_MAX = 30.0


async def ask_reports(base_url: str, token: str) -> list[Credited] | None:
    """The credits of every report, summed over its keys by currency; None where the deployment does not answer."""
    headers = {"Authorization": f"Bearer {token}"}
    found: list[Credited] = []
    try:
        async with httpx.AsyncClient(
            base_url=base_url, headers=headers, timeout=_SECONDS_MAX, trust_env=False
        ) as client:
            for by in _BY:
                for model in _MODELS:
                    answer = await client.get("/attribution/v1/revenue", params={"by": by, "model": model})
                    answer.raise_for_status()
                    sums: Counter[str] = Counter()
                    for row in answer.json()["rows"]:
                        for amount in row["amounts"]:
                            sums[amount["currency"]] += amount["credit"]
                    found.append(Credited(f"{by}, model {model}", sums))
    except (httpx.HTTPError, ValueError):
        return None
    return found

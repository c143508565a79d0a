"""What stands before the first lead: partners, rules, deadlines, sources, endpoints."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from faults.client import Answer, Client

PARTNERS = 6
_CALM = 2  # partners whose deadlines never come
_MODEL = {"qualify": [{"when": {"score": {"min": 0}}, "label": "everyone"}]}
_POLICIES = {
    "policies": [
        {
            "name": "hurried",
            "when": {"tier": ["gold"]},
            "clocks": [
                {"clock": "accept", "within": "PT6S", "remind_at": [0.5], "on_breach": "reclaim"},
                {"clock": "first_contact", "within": "PT10S", "remind_at": [0.5], "on_breach": "reclaim"},
            ],
        },
        {"name": "calm", "clocks": [{"clock": "accept", "within": "PT1H", "on_breach": "alert"}]},
    ]
}
_TYPES = (["*"], ["lead.assigned", "lead.reclaimed", "lead.claimed"], ["deal.won", "deal.amended", "lead.accepted"])
_SECONDS_MAX = 60.0


@dataclass
class Scenery:
    """The ids of what was made."""

    partners: list[str] = field(default_factory=list[str])
    sources: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    endpoints: list[str] = field(default_factory=list[str])


class SceneryFailed(Exception):
    """Something could not be made; the message says what was answered."""


async def set_up(client: Client) -> Scenery:
    """Make everything, as an admin does."""
    made = Scenery()
    for number in range(PARTNERS):
        pool = number % 2 == 0
        body = {
            "name": f"Partner {number}",
            "status": "active",
            "tier": "silver" if number >= PARTNERS - _CALM else "gold",
            "territories": ["US", "DE"] if pool else ["DE", "FR"],
        }
        made.partners.append((await _made(client, "POST", "/router/v1/partners", body)).body["id"])
    await _made(client, "PUT", "/scoring/v1/model", _MODEL)
    await _made(client, "PUT", "/sla-timer/v1/policies", _POLICIES)
    await _made(client, "PUT", "/router/v1/rules", _rules())
    campaign = {"codes": ["faults-q4"], "name": "Faults", "tactic": "paid-social"}
    await _made(client, "POST", "/ingest/v1/campaigns", campaign)
    for kind in ("native", "csv"):
        source = (await _made(client, "POST", "/ingest/v1/sources", {"name": kind, "kind": kind})).body
        made.sources[kind] = source["id"], source["key"]
    for number, types in enumerate(_TYPES):
        url = f"http://127.0.0.1:{client.world.receiver.port}/{number}"
        endpoint = await _made(client, "POST", "/delivery/v1/endpoints", {"url": url, "types": types}, op="endpoint")
        made.endpoints.append(endpoint.body["id"])
        client.world.receiver.endpoints[f"/{number}"] = endpoint.body["id"]
    own = {
        "url": f"http://127.0.0.1:{client.world.receiver.port}/partner",
        "types": ["lead.assigned", "lead.claimed", "lead.reclaimed", "deal.won"],
        "partner_id": made.partners[0],
    }
    endpoint = await _made(client, "POST", "/delivery/v1/endpoints", own, op="endpoint")
    made.endpoints.append(endpoint.body["id"])
    client.world.receiver.endpoints["/partner"] = endpoint.body["id"]
    return made


def _rules() -> dict[str, Any]:
    territory = {"match": ["territory"]}
    pool = {"pool": {"method": "shark_tank", "among": territory, "claim_within": "PT6S"}}
    turn = {"assign": {"method": "round_robin", "among": territory}}
    keep = {"retain": {"queue": "inside-sales"}}
    rules = [
        {"name": "America", "when": {"country": ["US"]}, "then": [pool, keep]},
        {"name": "Germany", "when": {"country": ["DE"]}, "then": [turn, pool, keep]},
        {"name": "France", "when": {"country": ["FR"]}, "then": [turn, keep], "reveal": "accepted"},
    ]
    return {"account": "ignore", "rules": rules, "otherwise": {"retain": {"queue": "unmatched"}}}


async def _made(client: Client, method: str, path: str, body: Any, op: str = "admin") -> Answer:
    deadline = time.monotonic() + _SECONDS_MAX
    while True:
        answer = await client.command(op, path, body, role="admin", method=method)
        if answer.done:
            return answer
        if not answer.again or time.monotonic() > deadline:
            raise SceneryFailed(f"{method} {path}: {answer.status} {answer.problem}")
        await asyncio.sleep(0.2)

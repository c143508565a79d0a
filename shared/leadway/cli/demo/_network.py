"""What an admin sets up: campaigns, vocabularies, partners, sources, the scoring model, policies, rules, webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from leadway.cli.demo._api import Api, Caller, Json
from leadway.cli.demo._documents import (
    MODEL,
    OURS,
    POLICIES,
    RULES,
    Changed,
    merge_vocabulary,
    put_back,
    put_before,
)
from leadway.cli.demo._payloads import FORUM, HEALTH, HEALTH_CRM, SEARCH, Payloads
from leadway.cli.demo._receiver import Receiver

CONTACT_WITHIN_SECONDS = 4
"""How long a partner has for the first contact in the demo."""

CLAIM_WITHIN = "PT2M"
PARTNERS = (
    ("MedIT Polska", "gold", ["PL"], ["healthcare"]),
    ("Archivia Systems", "gold", ["PL", "CZ"], ["healthcare"]),
    ("Nordwind Data", "silver", ["DE", "AT"], ["manufacturing", "healthcare"]),
)
CAM = "demo-cam"


@dataclass(slots=True)
class Network:
    """What was set up, by the names that the story uses."""

    mark: str
    payloads: Payloads
    admin: Caller
    cam: Caller
    campaigns: dict[str, str] = field(default_factory=dict[str, str])
    partners: dict[str, str] = field(default_factory=dict[str, str])
    sources: dict[str, Json] = field(default_factory=dict[str, Json])
    endpoints: dict[str, str] = field(default_factory=dict[str, str])
    changed: list[Changed] = field(default_factory=list[Changed])
    left_changed: list[str] = field(default_factory=list[str])

    def name_of(self, partner_id: str | None) -> str:
        """A partner's name."""
        return next((name for name, one in self.partners.items() if one == partner_id), partner_id or "—")


@asynccontextmanager
async def set_up(api: Api, mark: str, receiver: Receiver) -> AsyncGenerator[Network]:
    """A network for one run. Afterwards its rules, policies and model are taken out, its partners rest, its webhooks
    are gone; its leads, deals and campaigns stay to be looked at. Raises Failed.
    """
    payloads = Payloads(mark, google_key=f"google-{mark}")
    network = Network(mark, payloads, api.caller("admin", "demo-admin"), api.caller("cam", CAM))
    try:
        await _campaigns(network)
        industries, products = await _vocabularies(network.admin)
        await _partners(network, industries, products)
        await _sources(network)
        await _documents(network, industries)
        await _webhooks(network, receiver)
        yield network
    finally:
        await asyncio.shield(_clear(network))


async def _campaigns(network: Network) -> None:
    named = network.payloads.named
    for key, codes, name, tactic, minor in (
        ("health", [named(HEALTH), named(HEALTH_CRM)], "Health EMEA Q4", "paid-social", 300_000),
        ("forum", [named(FORUM)], "Radiology Forum", "trade-show", 200_000),
        ("search", [named(SEARCH)], "Branch security search ads", "paid-search", 150_000),
    ):
        body = {"codes": codes, "name": f"{name} (demo {network.mark})", "tactic": tactic}
        campaign = await network.admin.post("/ingest/v1/campaigns", body)
        network.campaigns[key] = campaign["id"]
        spend = {"amount": {"minor": minor, "currency": "EUR"}, "from": "2026-10-01", "to": "2026-12-31"}
        await network.admin.post(f"/ingest/v1/campaigns/{campaign['id']}/spend", {**spend, "funded_by": "vendor"})


async def _vocabularies(admin: Caller) -> tuple[dict[str, str], dict[str, str]]:
    industries: list[Json] = [
        {"code": "healthcare", "label": "Healthcare", "aliases": ["Hospital & Health Care", "Gesundheitswesen"]},
        {"code": "manufacturing", "label": "Manufacturing", "aliases": ["Maschinenbau"]},
    ]
    products: list[Json] = [{"code": "imaging-archive", "label": "Imaging Archive", "aliases": []}]
    found = await merge_vocabulary(admin, "industry", industries), await merge_vocabulary(admin, "product", products)
    by_industry = {entry["code"]: code for entry, code in zip(industries, found[0], strict=True)}
    return by_industry, {"imaging-archive": found[1][0]}


async def _partners(network: Network, industries: dict[str, str], products: dict[str, str]) -> None:
    for name, tier, territories, codes in PARTNERS:
        body = {
            "name": name,
            "tier": tier,
            "territories": territories,
            "industries": [industries[code] for code in codes],
            "products": list(products.values()),
            "capacity": {"open_leads": 20},
            "cam": CAM,
        }
        network.partners[name] = (await network.admin.post("/router/v1/partners", body))["id"]


async def _sources(network: Network) -> None:
    origin = "https://www.vendor.example"
    for kind, more in (
        ("hubspot-form", {"origins": [origin]}),
        ("segment-track", {}),
        ("native", {}),
        ("google-ads", {"key": network.payloads.google_key}),
        ("csv", {}),
    ):
        body = {"name": f"{kind} (demo {network.mark})", "kind": kind, **more}
        network.sources[kind] = {**(await network.admin.post("/ingest/v1/sources", body)), "kind": kind}


async def _documents(network: Network, industries: dict[str, str]) -> None:
    health = {"campaign": [network.payloads.named(HEALTH)]}
    others = {"source": [network.sources[kind]["id"] for kind in ("csv", "google-ads")]}
    mine = list(network.partners.values())
    healthcare = {**health, "industry": [industries["healthcare"]]}
    fit = [{"when": healthcare, "points": 30, "label": f"{OURS} a hospital"}]
    points = {"when": {**health, "touch": ["content.downloaded"]}, "points": 20, "half_life": "P14D"}
    qualify = [
        {"when": {**health, "score": {"min": 40}}, "label": f"{OURS} a hospital that asks"},
        {"when": others, "label": f"{OURS} asked for a quote"},
    ]
    model = {"fit": fit, "engagement": [{**points, "label": f"{OURS} reads the guide"}], "qualify": qualify}
    contact = {"clock": "first_contact", "within": f"PT{CONTACT_WITHIN_SECONDS}S", "remind_at": [0.5]}
    policies = [{"name": f"{OURS} quick contact", "when": health, "clocks": [{**contact, "on_breach": "reclaim"}]}]
    pool = {"method": "shark_tank", "among": _among(mine, "gold", "product"), "claim_within": CLAIM_WITHIN}
    turn = {"method": "round_robin", "among": _among(mine)}
    keep = {"retain": {"queue": "inside-sales"}}
    rules = [
        {"name": f"{OURS} hospitals", "when": healthcare, "then": [{"pool": pool}, keep], "reveal": "accepted"},
        {"name": f"{OURS} the rest", "when": others, "then": [{"assign": turn}, keep]},
    ]
    for path, lines in ((MODEL, model), (POLICIES, {"policies": policies}), (RULES, {"rules": rules})):
        network.changed.append(await put_before(network.admin, path, lines))


def _among(partners: list[str], tier: str | None = None, *more: str) -> Json:
    tiers = {"tier": [tier]} if tier else {}
    return {"partners": partners, **tiers, "match": ["territory", "industry", *more]}


async def _webhooks(network: Network, receiver: Receiver) -> None:
    for name, partner_id in network.partners.items():
        path = name.partition(" ")[0].lower()
        body = {"url": f"{receiver.url}/{path}", "types": ["*"], "partner_id": partner_id}
        answered = await network.admin.attempt("POST", "/delivery/v1/endpoints", body)
        if "secret" not in (answered.body or {}):
            return  # this deployment sends no webhooks to its own machine
        network.endpoints[name] = answered.body["id"]
        receiver.secrets[path] = answered.body["secret"]


async def _clear(network: Network) -> None:
    for changed in reversed(network.changed):
        if not await put_back(network.admin, changed):
            network.left_changed.append(changed.path)
    for endpoint_id in network.endpoints.values():
        await network.admin.attempt("DELETE", f"/delivery/v1/endpoints/{endpoint_id}")
    for partner_id in network.partners.values():
        await network.admin.attempt("PATCH", f"/router/v1/partners/{partner_id}", {"status": "paused"})

"""The demo from its first line to its last."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx

from leadway.cli._console import REFUSED, Failed, Progress, out, program, progress
from leadway.cli._key import key_of
from leadway.cli._place import Place, settings_of
from leadway.cli.demo._api import Api, Json, until
from leadway.cli.demo._life import Life, heading
from leadway.cli.demo._network import Network, set_up
from leadway.cli.demo._receiver import Receiver, receiving
from leadway.cli.demo._telling import look_further, messages, revenue, timeline

_TIMEOUT_SECONDS = 20.0
_READY_SECONDS_MAX = 15.0
_MESSAGES_SECONDS_MAX = 10.0
_OK = 200


def demo(given: dict[str, Any], *, url: str | None) -> None:
    """Send one lead through its whole life on a running system. Raises Failed."""
    settings = settings_of(**given)
    place = Place(settings.data_dir)
    base = url or settings.base_url or f"http://{settings.host}:{settings.port}"
    key = key_of(settings)
    with progress("looking for Leadway", out) as tell:
        asyncio.run(_demo(base, key, place, tell))


async def _demo(base: str, key: bytes, place: Place, tell: Progress) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        api = Api(client, key)
        await _ready(api)
        mark = secrets.token_hex(3)
        out.print(
            f"[bold]One lead's whole life[/] on {base}, over its public API, run [bold]{mark}[/].\n"
            "[dim]It makes campaigns and sources that are named after this run, partners, leads and deals; they stay "
            "(the partners at rest).\nIts rules, policies and scoring lines go before those in force and apply to its "
            "own leads only; they are taken out at the end.[/]"
        )
        async with receiving() as receiver:
            try:
                async with set_up(api, mark, receiver) as network:
                    heading("A network of partners")
                    for name, partner_id in network.partners.items():
                        out.print(f"  [bold]{name:<18}[/] {partner_id}")
                    life = Life(api, network, tell)
                    await life.live()
                    tell("waiting for the last facts")
                    await _conclude(api, network, life, receiver)
                    tell("taking the demo's rules out")
            except httpx.HTTPError as error:
                raise Failed(f"{base} broke off: {type(error).__name__} {error}", code=REFUSED) from error
        for path in network.left_changed:
            out.print(f"[yellow]{path} was changed by somebody else meanwhile; the demo's lines are still in it.[/]")
        tell.rest()
        look_further(base, place, life.lead)


async def _ready(api: Api) -> None:
    async def answers() -> bool:
        try:
            return (await api.client.get("/readyz")).status_code == _OK
        except httpx.HTTPError:
            return False

    try:
        await until(f"{api.base} is not ready", answers, _READY_SECONDS_MAX)
    except Failed as failed:
        raise Failed(
            str(failed), f"start it with `{program()} up`, or name another with --url", code=REFUSED
        ) from failed


async def _conclude(api: Api, network: Network, life: Life, receiver: Receiver) -> None:
    analyst = api.caller("analyst", "demo-analyst")

    async def whole() -> Json | None:
        found = await analyst.attempt("GET", f"/attribution/v1/leads/{life.lead}")
        if found.status != _OK or not found.body.get("closed"):
            return None
        bookings = [booking for deal in found.body["deals"] for booking in deal.get("bookings", [])]
        return found.body if len(bookings) > 1 else None

    chain = await until("attribution has not seen the end of it", whole)
    out.print()
    out.print(timeline(chain, network))
    by_campaign = await analyst.get("/attribution/v1/revenue", by="campaign", model="linear")
    by_partner = await analyst.get("/attribution/v1/revenue", by="partner", model="linear")
    out.print()
    out.print(revenue(by_campaign["rows"], "By campaign (linear credit)", list(network.campaigns.values())))
    out.print()
    out.print(revenue(by_partner["rows"], "By partner", list(network.partners.values())))
    heading("Signed webhooks that the partners received (☺: with the person)")
    await _last_message(receiver, life)
    for name in network.partners:
        messages(receiver.of(name.partition(" ")[0].lower()), name)


async def _last_message(receiver: Receiver, life: Life) -> None:
    if not receiver.secrets:
        return

    async def came() -> bool:
        kinds = {message.body["type"] for message in receiver.of(life.second.partition(" ")[0].lower())}
        return "deal.amended" in kinds

    try:
        await until("no message", came, _MESSAGES_SECONDS_MAX)
    except Failed:
        return

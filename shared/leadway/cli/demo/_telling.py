"""The end of the story: the chain, the revenue, the messages, and where to look further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from leadway.cli._console import out, program
from leadway.cli._place import Place
from leadway.cli.demo._api import Json
from leadway.cli.demo._life import heading, money
from leadway.cli.demo._network import Network
from leadway.cli.demo._receiver import Message

_DAY_SECONDS = 86_400
_LISTS = ("routing", "deadlines", "activities", "stages")
_STYLES = {"sla": "yellow", "deal": "green", "touch": "cyan", "lead": "magenta"}


class Step(NamedTuple):
    """A step of a lead's chain."""

    at: datetime
    what: str
    detail: str
    fact_id: str


def timeline(chain: Json, network: Network) -> Table:
    """The chain, in the order in which it happened."""
    table = Table(box=None, padding=(0, 2), title="The chain, as attribution folded it", title_justify="left")
    for column in ("when", "what", "", "fact"):
        table.add_column(column, overflow="fold")
    began = _at(chain["began"]["at"])
    for step in sorted(steps(chain, network), key=lambda step: step.at):
        style = _STYLES.get(step.what.partition(".")[0], "")
        what = f"[{style}]{step.what}[/]" if style else step.what
        table.add_row(_since(began, step.at), what, escape(step.detail), f"[dim]{step.fact_id}[/]")
    return table


def steps(chain: Json, network: Network) -> Iterator[Step]:
    """Every step of the chain."""
    for touch in chain["touches"]:
        campaign = str((touch.get("campaign") or {"name": None})["name"] or "no campaign")
        yield Step(_at(touch["occurred_at"]), f"touch: {touch['kind']}", campaign, touch["fact_id"])
    for hold in chain["assignments"]:
        name = network.name_of(hold["partner_id"])
        links = [hold["began"], hold.get("ended")]
        if hold.get("accepted") and hold["accepted"]["fact_id"] != hold["began"]["fact_id"]:
            links.append(hold["accepted"])
        yield from (_step(link, name) for link in links if link)
    for name in _LISTS:
        yield from (_step(link) for link in chain.get(name, []))
    yield from (_step(one["opened"], money(one["amount"])) for one in chain["opportunities"])
    for deal in chain["deals"]:
        booked = {booking["fact_id"]: money(booking["amount"]) for booking in deal.get("bookings", [])}
        yield from (_step(link, booked.get(link["fact_id"], "")) for link in deal["links"])
    yield from (_step(link) for link in (chain.get("qualification"), chain.get("closed")) if link)


def _step(link: Json, more: str = "") -> Step:
    shown = [value for name, value in link.get("detail", {}).items() if not name.endswith(("_id", "_at"))]
    return Step(_at(link["at"]), link["type"], " · ".join([more, *shown] if more else shown), link["fact_id"])


def _at(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def _since(began: datetime, at: datetime) -> str:
    """From the capture on; what was before it, in days where it is that long."""
    seconds = (at - began).total_seconds()
    return f"{seconds:+.2f} s" if abs(seconds) < _DAY_SECONDS else f"{seconds / _DAY_SECONDS:+.1f} days"


def revenue(rows: Sequence[Json], title: str, keys: Sequence[str | None]) -> Table:
    """Those rows of a revenue report that are this run's."""
    table = Table(box=None, padding=(0, 2), title=title, title_justify="left")
    for column in ("", "leads", "won", "influenced", "credit", "spend", "ROI"):
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        if row["key"] not in keys:
            continue
        for amount in row["amounts"] or [{"currency": "", "revenue": 0, "credit": 0}]:
            roi = amount.get("roi")
            table.add_row(
                escape(str(row["name"] or row["key"])),
                str(row["leads"]),
                str(row["deals_won"]),
                _money(amount, "revenue"),
                _money(amount, "credit"),
                _money(amount, "spend"),
                "" if roi is None else f"{roi:+.0%}",
            )
    return table


def _money(amount: Json, name: str) -> str:
    return money({"minor": amount[name], "currency": amount["currency"]}) if amount.get(name) else "—"


def messages(found: Sequence[Message], name: str) -> None:
    """What a partner was told."""
    if not found:
        out.print(f"  [bold]{escape(name):<18}[/] no message came")
        return
    signed = sum(1 for message in found if message.signed)
    kinds = " → ".join(_kind(message.body) for message in found)
    verdict = "[green]all signatures right[/]" if signed == len(found) else f"[red]{signed} of {len(found)} signed[/]"
    out.print(f"  [bold]{escape(name):<18}[/] {len(found)} messages, {verdict}: {kinds}")


def _kind(body: dict[str, Any]) -> str:
    person = "" if body["data"]["lead"]["person"] is None else " ☺"
    stale = "" if body["data"]["current"] else " [dim](no longer its)[/]"
    return f"{body['type']}{person}{stale}"


def look_further(base: str, place: Place, lead: str) -> None:
    """Where there is more."""
    heading("Look further")
    out.print(f"  {base}/ names the services, their documentation and their metrics", soft_wrap=True)
    out.print(f"  TOKEN=$(cat {place.admin_token})", soft_wrap=True)
    for path, what in (
        (f"/attribution/v1/leads/{lead}", "the chain"),
        (f"/router/v1/leads/{lead}/decisions", "how it was routed, and why not otherwise"),
        (f"/sla-timer/v1/leads/{lead}", "its clocks"),
        (f"/dealreg/v1/leads/{lead}", "the work on it"),
        ("/attribution/v1/revenue?by=campaign&model=linear", "revenue"),
    ):
        out.print(f"  {what}:", style="dim")
        out.print(f"    curl -H \"Authorization: Bearer $TOKEN\" '{base}{path}'", soft_wrap=True)
    where = "" if str(place.folder) == ".leadway" else f" --data-dir {place.folder}"
    out.print("  every fact of this lead:", style="dim")
    out.print(f"    {program()} tail{where} --lead {lead}", soft_wrap=True)
    out.print("  is everything the fold of its log?", style="dim")
    out.print(f"    {program()} rebuild all{where} --check", soft_wrap=True)

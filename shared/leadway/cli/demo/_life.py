"""One lead's life, told while it happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape

from leadway.cli._console import REFUSED, Failed, Progress, out
from leadway.cli.demo._api import Answered, Api, Caller, Json, until
from leadway.cli.demo._network import CONTACT_WITHIN_SECONDS, PARTNERS, Network

_MONEY = {"minor": 1_180_000, "currency": "EUR"}
_WON = {"minor": 1_250_000, "currency": "EUR"}
_AMENDED = {"minor": 1_190_000, "currency": "EUR"}
_OK = 200


def heading(text: str) -> None:
    """A new part of the story."""
    out.print(f"\n[bold cyan]{escape(text)}[/]")


def told(who: str, what: str) -> None:
    """One line of it."""
    out.print(f"  [bold]{escape(who):<18}[/] {what}")


@dataclass(slots=True)
class Life:
    """The story of the hospital's lead, and who plays in it."""

    api: Api
    network: Network
    tell: Progress
    lead: str = ""
    first: str = ""
    second: str = ""
    deal: str = ""
    other_leads: list[str] = field(default_factory=list[str])

    async def live(self) -> None:
        """From the first form to the amended deal. Raises Failed."""
        await self._captured()
        await self._scored()
        await self._claimed()
        await self._breached()
        await self._contacted()
        await self._registered()
        await self._won()

    def partner(self, name: str) -> Caller:
        """Somebody who works at a partner."""
        return self.api.partner(self.network.partners[name])

    async def _captured(self) -> None:
        heading("Leads come in, each as its tool sends it")
        payloads, sources = self.network.payloads, self.network.sources
        form = await self.api.submit(sources["hubspot-form"], payloads.hubspot())
        self.lead = form.headers["leadway-lead"]
        told("HubSpot form", f"a hospital in Warsaw → {_outcome(form)}")
        again = await self.api.submit(sources["segment-track"], payloads.segment())
        told("Segment", f"the same person downloaded the guide two days ago → {_outcome(again)}")
        scan = await self.api.submit(sources["native"], payloads.native())
        told("our own JSON", f"a badge scanned at a booth → [green]{scan.body['outcome']}[/]")
        ad = await self.api.submit(sources["google-ads"], payloads.google(), key_in_body=True)
        told("Google Ads", f"a credit union in Atlanta → {_outcome(ad)}")
        sheet = await self.api.submit(sources["csv"], payloads.trade_show())
        for row in sheet.body["results"]:
            bad = "; ".join(f"{each['pointer']} {each['detail']}" for each in row.get("errors", []))
            text = f"[yellow]refused[/]: {escape(bad)}" if bad else f"[green]{row['outcome']}[/] {row['lead_id']}"
            told(f"CSV row {row['row']}", text)
        self.other_leads = [ad.headers["leadway-lead"]]
        self.other_leads += [row["lead_id"] for row in sheet.body["results"] if "lead_id" in row]

    async def _scored(self) -> None:
        heading("The score says when it is ready for a partner")
        self.tell("waiting for the score")

        async def qualified() -> Json | None:
            found = await self.network.admin.attempt("GET", f"/scoring/v1/leads/{self.lead}")
            return found.body if found.status == _OK and found.body["status"] == "qualified" else None

        score = await until("the lead was not qualified", qualified)
        for each in score["contributions"]:
            told(f"{each['points']:+.1f}", escape(each["label"]))
        told(f"= {score['score']:.1f}", "[green]qualified[/]")

    async def _claimed(self) -> None:
        heading("Two gold partners see it in the pool, without a name, and both grab it")
        golds = [name for name, tier, _, _ in PARTNERS if tier == "gold"]
        for name in golds:
            self.tell(f"waiting for {name}'s pool")
            offer = await until(f"{name} does not see the lead in its pool", lambda name=name: self._offered(name))
            company = offer["company"]
            told(
                name,
                f"sees {company.get('country')}, {company.get('industry')}, score {offer['score']:.0f}",
            )
        outsider = next(name for name, tier, _, _ in PARTNERS if tier != "gold")
        path = f"/router/v1/leads/{self.lead}/claim"
        answers = await asyncio.gather(*(self.partner(name).attempt("POST", path, {}) for name in (*golds, outsider)))
        for name, answer in zip((*golds, outsider), answers, strict=True):
            won = answer.status == _OK
            told(
                name,
                f"claims: [green]{answer.status}, it is theirs[/]" if won else f"claims: [yellow]{_refusal(answer)}[/]",
            )
            if won:
                self.first = name
        if not self.first:
            raise Failed("nobody got the lead", code=REFUSED)
        self.second = next(name for name in golds if name != self.first)
        await self._explained()

    async def _offered(self, name: str) -> Json | None:
        page = await self.partner(name).get("/router/v1/pool", limit="200")
        return next((each for each in page["data"] if each["lead_id"] == self.lead), None)

    async def _explained(self) -> None:
        found = await self.network.admin.get(f"/router/v1/leads/{self.lead}/decisions")
        for step in found["decisions"][0].get("steps", []):
            for out_of_it in step.get("left_out", []):
                if out_of_it["partner_id"] in self.network.partners.values():
                    name = self.network.name_of(out_of_it["partner_id"])
                    told("why not", escape(f"{name}: {', '.join(out_of_it['reasons'])}"))

    async def _breached(self) -> None:
        heading(f"{self.first} has {CONTACT_WITHIN_SECONDS} seconds for a first contact, and makes none")
        self.tell("the clock runs")

        async def reclaimed() -> Json | None:
            found = await self.partner(self.first).get(f"/router/v1/leads/{self.lead}")
            return found if found["state"] == "ended" else None

        ended = await until(f"the lead was not taken back from {self.first}", reclaimed)
        told(self.first, f"lost it: [yellow]{escape(str(ended['how']))}[/] at {_clock(ended['ended_at'])}")
        offer = await until(f"{self.second} does not see the lead again", lambda: self._offered(self.second))
        told(self.second, f"is offered it again (since {_clock(offer['since'])})")
        await self.partner(self.second).post(f"/router/v1/leads/{self.lead}/claim")
        told(self.second, "[green]claims it[/]")

    async def _contacted(self) -> None:
        heading(f"{self.second} calls at once")
        holder, path = self.partner(self.second), f"/dealreg/v1/leads/{self.lead}"
        call = {"kind": "call", "outcome": "reached", "note": "wants a demo for two sites"}
        await holder.post(f"{path}/activities", call)
        told(self.second, "logs a call: the customer was [green]reached[/]")
        late = await self.partner(self.first).attempt("POST", f"{path}/activities", {"kind": "call"})
        told(self.first, f"logs one too: [yellow]{_refusal(late)}[/]")

        async def met() -> Json | None:
            clocks = (await self.network.admin.get(f"/sla-timer/v1/leads/{self.lead}"))["clocks"]
            return next((each for each in clocks if each["status"] == "met" and each["clock"] == "first_contact"), None)

        clock = await until("the contact did not meet the deadline", met)
        told("clock", f"first_contact [green]met[/] at {_clock(clock['met_at'])}, due {_clock(clock['due_at'])}")
        stages = (await holder.get("/dealreg/v1/stages"))["stages"]
        await holder.post(f"{path}/stage", {"stage": stages[min(2, len(stages) - 1)]})
        working = await holder.get(path)
        told(self.second, f"moves it to stage {escape(str(working['stage']))} and sees the person it may call")

    async def _registered(self) -> None:
        heading("An opportunity becomes a registered, protected deal")
        holder, path = self.partner(self.second), f"/dealreg/v1/leads/{self.lead}"
        closes = (datetime.now(UTC).date() + timedelta(days=60)).isoformat()
        body: Json = {"name": "Archive for two sites", "amount": _MONEY, "expected_close": closes}
        opportunity = await holder.post(f"{path}/opportunities", body)
        told(self.second, f"opens an opportunity of {money(_MONEY)}")
        deal = await holder.post(f"{path}/deals", {"opportunity_id": opportunity["opportunity_id"]})
        self.deal = deal["deal_id"]
        told(self.second, f"registers {self.deal}: {deal['registration']}")
        approved = await self.network.cam.post(f"/dealreg/v1/deals/{self.deal}/approve", {"protect_for": "P90D"})
        until_day = str(approved.get("protected_until", ""))[:10]
        told("channel manager", f"[green]approves[/] it: protected until {until_day}")
        await self._collided(deal)

    async def _collided(self, deal: Json) -> None:
        company = deal["company"]
        body: Json = {
            "company": {"name": company["name"], "domain": company.get("domain"), "country": company["country"]},
            "name": "The same hospital",
            "amount": _MONEY,
            "product": "Imaging Archive",
        }
        other = await self.partner(self.first).attempt("POST", "/dealreg/v1/deals", body)
        if "deal_id" not in other.body:
            raise Failed(f"POST /dealreg/v1/deals: {other.status} {other.body}", code=REFUSED)
        told(
            self.first,
            f"registers the same hospital: [yellow]{other.body['registration']}[/], and is not told with whom",
        )
        refused = {"reason": "protected for another partner"}
        await self.network.cam.post(f"/dealreg/v1/deals/{other.body['deal_id']}/reject", refused)

    async def _won(self) -> None:
        heading("Won, and amended a little later")
        await self.partner(self.second).post(f"/dealreg/v1/deals/{self.deal}/win", {"amount": _WON})
        told(self.second, f"wins it for [green]{money(_WON)}[/]")
        at = datetime.now(UTC).isoformat()
        body = {"amount": _AMENDED, "reason": "one site less", "effective_at": at}
        await self.network.cam.post(f"/dealreg/v1/deals/{self.deal}/amend", body)
        told("channel manager", f"amends it to [green]{money(_AMENDED)}[/]")


def money(amount: Json) -> str:
    """An amount as a person reads it."""
    return f"{amount['minor'] / 100:,.2f} {amount['currency']}"


def _outcome(answer: Answered) -> str:
    return f"[green]{answer.headers['leadway-outcome']}[/] {answer.headers['leadway-lead']}"


def _refusal(answer: Answered) -> str:
    return escape(f"{answer.status} {answer.problem}")


def _clock(instant: Any) -> str:
    return datetime.fromisoformat(str(instant)).astimezone().strftime("%H:%M:%S")

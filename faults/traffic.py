"""Several clients at bounded rates: who sends leads, who races for them, who works at them, who tends the rest."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from faults.client import Answer, Client, new_key
from faults.scenery import Scenery

_CAPTURE_SECONDS = 1.4  # of each of the capturing clients, on average
_LOOK_SECONDS = 0.8
_COUNTRIES = ("US", "US", "DE", "DE", "FR", "PL")
_REFUSED_MAX = 40
_AGAIN = 0.25
# Some do it at the last moment: the deadline is 6 seconds for an acceptance and 10 for a contact.
_LAST_MOMENT = 0.35
_ACCEPT_SECONDS = 3.0, 6.0
_CONTACT_SECONDS = 7.0, 10.0


@dataclass
class _Step:
    """One thing that a partner means to do with a lead; under one key however often it is asked."""

    op: str
    path: str
    body: dict[str, Any]
    role: str = "partner"
    key: str = field(default_factory=new_key)
    wait_seconds: float = 0.0  # since the partner saw the lead


@dataclass
class Traffic:
    """All clients. They rest while `going` is not set, at the end of what each is doing."""

    client: Client
    scenery: Scenery
    seed: int
    going: asyncio.Event = field(default_factory=asyncio.Event)
    _at_work: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def start(self) -> None:
        """Let every client begin (they wait for `going`)."""
        actors: list[Callable[[Random], Awaitable[None]]] = [self._capture, self._capture, self._race, self._tend]
        partners = [_Partner(self.client, each) for each in self.scenery.partners]
        actors += [each.work for each in partners]
        for number, actor in enumerate(actors):
            chance = Random(f"{self.seed}/client/{number}")
            self._tasks.append(asyncio.create_task(self._keep(actor, chance)))

    async def rest(self) -> None:
        """Stop asking, and wait for the answers to what was asked."""
        self.going.clear()
        while self._at_work:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """End all clients."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each

    def failed(self) -> BaseException | None:
        """What ended a client that should go on."""
        return next((t.exception() for t in self._tasks if t.done() and not t.cancelled()), None)

    async def _keep(self, actor: Callable[[Random], Awaitable[None]], chance: Random) -> None:
        while True:
            await self.going.wait()
            self._at_work += 1
            try:
                await actor(chance)
            finally:
                self._at_work -= 1
            mean = _CAPTURE_SECONDS if actor == self._capture else _LOOK_SECONDS
            await asyncio.sleep(min(chance.expovariate(1 / mean), 4 * mean))

    async def _capture(self, chance: Random) -> None:
        if chance.random() < 0.06:
            await self._csv(chance)
            return
        body = _lead(chance)
        key = body["submission_id"] = new_key()
        answer = await self._submit("native", body, key)
        for _ in range(3):
            if not answer.again:
                break
            await asyncio.sleep(0.3)
            answer = await self._submit("native", body, key)
        if chance.random() < 0.1:  # a tool that sends the very same once more
            await self._submit("native", body, key)

    async def _submit(self, kind: str, body: dict[str, Any], key: str) -> Answer:
        source, secret = self.scenery.sources[kind]
        path = f"/ingest/v1/sources/{source}/leads"
        said = {"country": body["company"]["country"]}
        return await self.client.command(
            "capture", path, body, role="source", key=key, asked=said, headers={"X-Leadway-Key": secret}
        )

    async def _csv(self, chance: Random) -> None:
        """Two leads in a table; its rows have no ids of their own, so it is sent once."""
        source, secret = self.scenery.sources["csv"]
        rows = ["email,country,company"]
        rows += [f"csv{chance.getrandbits(48):x}@t{chance.getrandbits(32):x}.example,DE,Werk" for _ in range(2)]
        headers = {"X-Leadway-Key": secret, "Content-Type": "text/csv"}
        path = f"/ingest/v1/sources/{source}/leads"
        await self.client.command("import", path, "\n".join(rows).encode(), role="source", headers=headers)

    async def _race(self, chance: Random) -> None:
        """Every partner claims at once what is in the pool."""
        for offer in await self.client.rows("/router/v1/pool?limit=5", partner=self.scenery.partners[0]):
            racers = self.scenery.partners[:-1]
            chance.shuffle(racers)
            await asyncio.gather(*[self._claim(offer["lead_id"], partner) for partner in racers])

    async def _claim(self, lead: str, partner: str) -> Answer:
        path = f"/router/v1/leads/{lead}/claim"
        key = new_key()
        answer = await self.client.command("claim", path, None, partner=partner, subject=lead, key=key)
        if answer.outcome == "unknown":
            answer = await self.client.command("claim", path, None, partner=partner, subject=lead, key=key)
        return answer

    async def _tend(self, chance: Random) -> None:
        """An admin who changes things that others copy: now a partner's weight, now an endpoint."""
        if chance.random() < 0.5:
            partner = chance.choice(self.scenery.partners)
            body = {"weight": chance.randint(1, 3)}
            path = f"/router/v1/partners/{partner}"
            await self.client.command("partner", path, body, role="admin", method="PATCH")
        elif chance.random() < 0.3:
            endpoint = chance.choice(self.scenery.endpoints)
            path = f"/delivery/v1/endpoints/{endpoint}"
            await self.client.command("endpoint", path, {"status": "active"}, role="admin", method="PATCH")
        await asyncio.sleep(1.0)


class _Partner:
    """Works at the leads that it holds, one step at a time."""

    def __init__(self, client: Client, partner: str) -> None:
        self._client = client
        self._partner = partner
        self._open: dict[str, list[_Step]] = {}
        self._given: dict[str, dict[str, Any]] = {}
        self._seen: set[str] = set()
        self._since: dict[str, float] = {}
        self._refused: dict[str, int] = {}

    async def work(self, chance: Random) -> None:
        for state in ("assigned", "accepted"):
            path = f"/router/v1/leads?state={state}&limit=20"
            for held in await self._client.rows(path, partner=self._partner):
                name = held.get("assignment_id") or held["lead_id"]
                if name not in self._seen:
                    self._seen.add(name)
                    self._since[held["lead_id"]] = time.monotonic()
                    self._open[held["lead_id"]] = _plan(state, chance)
        now = time.monotonic()
        leads = [
            lead for lead, steps in self._open.items() if steps and now - self._since[lead] > steps[0].wait_seconds
        ]
        chance.shuffle(leads)
        for lead in leads[:3]:
            await self._step(lead, self._open[lead], chance)
        for lead in [each for each, steps in self._open.items() if not steps]:
            del self._open[lead]

    async def _step(self, lead: str, steps: list[_Step], chance: Random) -> None:
        step = steps[0]
        given = self._given.setdefault(lead, {})
        if step.op == "deal" and "opportunity_id" in given:
            step.body["opportunity_id"] = given["opportunity_id"]
        path = step.path.format(lead=lead, **given)
        partner = self._partner if step.role == "partner" else None
        subject = given["deal_id"] if step.op in _OF_DEALS else lead
        said = {name: value for name, value in step.body.items() if name in {"kind", "reason", "amount"}}

        async def ask() -> Answer:
            return await self._client.command(
                step.op, path, step.body, role=step.role, partner=partner, subject=subject, key=step.key, asked=said
            )

        answer = await ask()
        if answer.done and chance.random() < _AGAIN:  # a client that lost the answer: it gets the same once more
            await ask()
        if answer.done:
            steps.pop(0)
            given.update({n: answer.body[n] for n in ("opportunity_id", "deal_id") if n in answer.body})
            return
        # Another service may not have heard of the lead yet; for ever is not to be waited.
        self._refused[lead] = self._refused.get(lead, 0) + (not answer.again)
        waits = answer.again or answer.problem in {"/problems/not-found", "/problems/not-owner"}
        if not waits or self._refused[lead] > _REFUSED_MAX:
            steps.clear()


_OF_DEALS = {"approve", "win", "amend", "lose", "reopen"}


def _plan(state: str, chance: Random) -> list[_Step]:
    """What a partner will do with a new lead: some never answer, some never call, some go all the way."""
    router, dealreg = "/router/v1/leads/{lead}", "/dealreg/v1/leads/{lead}"
    lot = chance.random()
    if state == "assigned" and lot < 0.15:
        return []
    if state == "assigned" and lot < 0.25:
        reason = chance.choice(["no_capacity", "no_fit", "other"])
        return [_Step("decline", f"{router}/decline", {"reason": reason})]
    steps: list[_Step] = []
    if state == "assigned":
        steps.append(_Step("accept", f"{router}/accept", {}, wait_seconds=_at_last(chance, _ACCEPT_SECONDS)))
    if lot < 0.4:
        return steps
    kind = chance.choice(["call", "email", "meeting"])
    contact = {"kind": kind, "outcome": "reached"}
    steps.append(_Step("activity", f"{dealreg}/activities", contact, wait_seconds=_at_last(chance, _CONTACT_SECONDS)))
    if lot < 0.55:
        return steps
    minor = chance.randint(1, 5_000_000)
    amount = {"minor": minor, "currency": chance.choice(["EUR", "USD", "JPY"])}
    expected = {"name": "Archive", "amount": amount, "expected_close": "2027-03-31"}
    steps.append(_Step("stage", f"{dealreg}/stage", {"stage": "qualified"}))
    steps.append(_Step("opportunity", f"{dealreg}/opportunities", expected))
    steps.append(_Step("deal", f"{dealreg}/deals", {}))
    deal = "/dealreg/v1/deals/{deal_id}"
    if lot < 0.8:
        steps.append(_Step("approve", f"{deal}/approve", {}, role="cam"))
    steps.append(_Step("win", f"{deal}/win", {"amount": amount}))
    if lot > 0.7:
        now = datetime.now(UTC).isoformat()
        changed = {"minor": minor + chance.randint(-minor // 2, 1000), "currency": amount["currency"]}
        body = {"amount": changed, "reason": "one site more or less", "effective_at": now}
        steps.append(_Step("amend", f"{deal}/amend", body, role="cam"))
    return steps


def _at_last(chance: Random, seconds: tuple[float, float]) -> float:
    return chance.uniform(*seconds) if chance.random() < _LAST_MOMENT else 0.0


def _lead(chance: Random) -> dict[str, Any]:
    word = f"{chance.getrandbits(48):x}" if chance.random() < 0.8 else f"again{chance.randint(1, 30)}"
    body: dict[str, Any] = {
        "person": {"email": f"{word}@{word}.example", "first_name": "Ada", "last_name": "Quast"},
        "company": {"name": f"Werk {word}", "domain": f"{word}.example", "country": chance.choice(_COUNTRIES)},
    }
    if chance.random() < 0.6:
        body["campaign"] = "faults-q4"
    if chance.random() < 0.02:  # near the limit of a body
        body["fields"] = {f"field_{n}": "x" * 900 for n in range(40)}
    return json.loads(json.dumps(body))

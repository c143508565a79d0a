"""A client of the public API that writes down what it asks, and what it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from faults.world import World
from leadway.ids import draw
from leadway.verify import Outcome, Recorder

OK, BAD_REQUEST, INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE = 200, 400, 500, 503
_NOTHING_DONE = {"/problems/overloaded", "/problems/unavailable", "/problems/lagging", "/problems/lead-parked"}
_KEPT = (
    "lead_id",
    "outcome",
    "assignment_id",
    "opportunity_id",
    "deal_id",
    "registration",
    "id",
    "state",
    "activity_id",
)
_object = msgspec.json.Decoder(dict[str, Any])


class _Page(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]


_page = msgspec.json.Decoder(_Page)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. `again`: it may be sent again, under the same key."""

    outcome: Outcome
    status: int | None
    problem: str | None
    body: Mapping[str, Any]

    @property
    def done(self) -> bool:
        return self.outcome == "done"

    @property
    def again(self) -> bool:
        return self.outcome == "unknown" or self.status in {SERVICE_UNAVAILABLE, 429}


@dataclass
class Client:
    """Asks the services, and records every command."""

    world: World
    recorder: Recorder
    told: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    async def command(
        self,
        op: str,
        path: str,
        body: Any,
        *,
        role: str = "partner",
        partner: str | None = None,
        subject: str | None = None,
        key: str | None = None,
        asked: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send one command and write down its begin and its end. Without `headers` it is sent with token and key."""
        actor = {"role": role} | ({"partner_id": partner} if partner else {})
        n = self.recorder.begin(op, subject=subject, actor=actor, key=key, asked=asked)
        sent = headers if headers is not None else self._headers(role, partner, key)
        answer = await self._send(method, path, body, sent)
        told = {name: answer.body[name] for name in _KEPT if answer.body.get(name) is not None}
        self.recorder.end(n, answer.outcome, status=answer.status, problem=answer.problem, answer=told)
        self.told[op, answer.outcome] += 1
        return answer

    async def rows(self, path: str, *, partner: str) -> list[dict[str, Any]]:
        """A list's first page as a partner sees it; nothing where it cannot be had now."""
        base = await self.world.base(path.split("/", 2)[1])
        if base is None:
            return []
        try:
            response = await self.world.client.get(base + path, headers=self._headers("partner", partner, None))
        except httpx.HTTPError:
            return []
        return _page.decode(response.content).data if response.status_code == OK else []

    def _headers(self, role: str, partner: str | None, key: str | None) -> dict[str, str]:
        sent = {"Authorization": f"Bearer {self.world.token(role, partner)}"}
        return sent | ({"Idempotency-Key": key} if key else {})

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        base = await self.world.base(path.split("/", 2)[1])
        if base is None:  # nobody was there to be asked
            return Answer("refused", SERVICE_UNAVAILABLE, None, {})
        try:
            if isinstance(body, bytes):
                response = await self.world.client.request(method, base + path, headers=headers, content=body)
            else:
                response = await self.world.client.request(method, base + path, headers=headers, json=body)
        except httpx.HTTPError:
            return Answer("unknown", None, None, {})
        return _answer(response.status_code, response.content)


def _answer(status: int, content: bytes) -> Answer:
    try:
        said = _object.decode(content) if content else {}
    except msgspec.MsgspecError:
        said = {}
    if status < BAD_REQUEST:
        return Answer("done", status, None, said)
    problem: str | None = said.get("type")
    sure = status < INTERNAL_SERVER_ERROR or problem in _NOTHING_DONE
    return Answer("refused" if sure else "unknown", status, problem, {})


def new_key() -> str:
    """An Idempotency-Key, or a submission id."""
    return draw("req")

"""What stands behind the routes: who may see which endpoint, what may be kept, and how an edit is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Response

from leadway.clock import Clock
from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.delivery.policy import endpoint_secret, show_secret, url_fault
from leadway.delivery.settings import Settings
from leadway.delivery.translate import SUBSCRIBABLE
from leadway.delivery.worker import check_host
from leadway.facts.delivery import EndpointChanged
from leadway.facts.router import PartnerChanged
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, Caller, reply

_PARTNER_WAIT_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with."""

    runtime: StageRuntime
    key: bytes
    settings: Settings
    clock: Clock

    def with_secret(self, answer: Answer) -> Answer:
        """The answer with the endpoint's secret, derived again."""
        body: Mapping[str, Any] = answer.body
        secret = endpoint_secret(self.key, body["id"], body["secret_generation"])
        return replace(answer, body={**body, "secret": show_secret(secret)})

    async def endpoint(self, endpoint_id: str, caller: Caller) -> EndpointChanged:
        """An endpoint that the caller may know of. Raises NotFound."""
        held = (await self.runtime.catalogs()).get(EndpointChanged, endpoint_id)
        return visible(held, caller)

    async def edit(
        self,
        asked: Asked,
        endpoint_id: str,
        change: Callable[[EndpointChanged], EndpointChanged],
        respond: Callable[[Decided], Answer],
        secrets: Callable[[Answer], Answer] | None = None,
    ) -> Response:
        """Ask for a change of an endpoint that the caller may know of, and answer."""

        def checked(held: EndpointChanged | None) -> EndpointChanged:
            return change(visible(held, asked.caller))

        request = Request(
            command=Edit(kind=EndpointChanged, change=checked, if_match=asked.if_match),
            subject=endpoint_id,
            actor=asked.caller.actor,
            respond=respond,
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
            secrets=secrets,
        )
        return reply(await self.runtime.execute(request))

    async def check(self, url: str | None, types: list[str] | None) -> None:
        """Raises InvalidRequest naming everything that is wrong with an address and its types."""
        faults = [] if types is None else _type_faults(types)
        if url is not None:
            wrong = url_fault(url, self.settings.allowed) or await check_host(url, self.settings.allowed)
            if wrong:
                faults.append(Fault("#/url", wrong))
        if faults:
            raise InvalidRequest("The endpoint cannot be kept like that.", faults)

    async def check_partner(self, partner_id: str) -> None:
        """A partner that was made a moment ago may still be on its way here."""
        deadline = time.monotonic() + _PARTNER_WAIT_SECONDS
        while (await self.runtime.catalogs()).get(PartnerChanged, partner_id) is None:
            if time.monotonic() > deadline:
                raise InvalidRequest("", [Fault("#/partner_id", "is no partner that is known here")])
            await asyncio.sleep(0.05)


def sees(endpoint: EndpointChanged, caller: Caller) -> bool:
    """Whether an endpoint is this caller's."""
    mine = caller.role == "admin" or (endpoint.partner_id is not None and endpoint.partner_id == caller.partner_id)
    return mine and endpoint.status != "deleted"


def visible(held: EndpointChanged | None, caller: Caller) -> EndpointChanged:
    """The endpoint. Raises NotFound where there is none for this caller."""
    if held is None or not sees(held, caller):
        raise NotFound
    return held


def _type_faults(types: list[str]) -> list[Fault]:
    if types == ["*"]:
        return []
    return [
        Fault(f"#/types/{index}", "is no type that can be told (without its version; `*` stands alone)")
        for index, name in enumerate(types)
        if name not in SUBSCRIBABLE
    ]

"""How a request becomes a command on a running stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from leadway.dealreg.api._documents import deal_document
from leadway.dealreg.decider.commands import Asked as AskedOfLead
from leadway.dealreg.decider.commands import By, Command, OnDeal
from leadway.dealreg.decider.refusals import UnknownDeal
from leadway.dealreg.decider.state import State, deal_of
from leadway.dealreg.store import lead_of_deal
from leadway.stage import Answer, Decided, Request, StageRuntime
from leadway.web import Asked, Caller

Respond = Callable[[Decided], Answer]


def by_of(caller: Caller) -> By:
    """The caller, as commands name it."""
    if caller.role == "analyst":
        raise TypeError("no route of dealreg is for analysts")
    return By(
        caller.role, caller.subject, caller.partner_id, assigned=caller.role == "cam" and caller.scope == "assigned"
    )


def request(asked: Asked, subject: str, command: Command, respond: Respond, *, fresh: bool = False) -> Request:
    """The request for a command on a lead."""
    return Request(
        command=command,
        subject=subject,
        actor=asked.caller.actor,
        respond=respond,
        idempotency=asked.idempotency,
        traceparent=asked.traceparent,
        fresh=fresh,
    )


async def on_deal(runtime: StageRuntime, asked: Asked, command: Command) -> Answer:
    """Carry out a command on a deal; the answer is the deal as it then stands. Raises UnknownDeal."""
    deal_id = cast("OnDeal", command).deal_id
    lead_id = await lead_of_deal(runtime, deal_id)
    if lead_id is None:
        raise UnknownDeal
    return await runtime.execute(request(asked, lead_id, command, lambda decided: deal_answer(decided, deal_id, 200)))


def deal_answer(decided: Decided, deal_id: str, status: int) -> Answer:
    """A deal as it stands after a command."""
    deal = deal_of(cast("State", decided.state), deal_id)
    by = cast("AskedOfLead", decided.command).by
    return Answer(status, deal_document(decided.subject, deal, by) if deal else {})

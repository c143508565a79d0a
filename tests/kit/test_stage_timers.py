"""Timers among others that nobody heeds: a state may keep naming one and ignore it, and no other waits for that."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import toys
from street import Street, eventually, taking

from leadway.decider import Decider
from leadway.facts import Fact
from leadway.stage import Request, Stage, Timer
from leadway.stage.runtime import Runtime

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DEAF = 1_200  # more than two batches of timers


class Ear(msgspec.Struct, frozen=True):
    due: tuple[Timer, ...] = ()


def listening(tried: list[str], due_at: datetime) -> Stage:
    """Each lead asks for a timer: the deaf ones' was due long ago and is ignored, another's is due at `due_at`."""

    def decide(command: Any, _: Ear) -> list[Fact]:
        if isinstance(command, toys.Take):
            return [toys.PaymentTaken(number=command.number, colour="red")]
        tried.append(command)
        return [] if command.startswith("deaf") else [toys.PaymentTaken(number=0, colour="red")]

    def evolve(_: Ear, fact: Fact) -> Ear:
        number = fact.number if isinstance(fact, toys.PaymentTaken) else 0
        return {0: Ear(), 1: Ear((Timer("ring", LONG_AGO),))}.get(number, Ear((Timer("ring", due_at),)))

    return Stage(
        service="till",
        leads=Decider(Ear(), decide, evolve),
        state_type=Ear,
        timers=lambda state: state.due,
        on_timer=lambda subject, _: subject,
    )


def take(till: Runtime, lead: str, number: int) -> Any:
    request: Request = taking(number, lead)
    return till.execute(request)


async def test_ignored_timers_keep_no_other_waiting_and_rest_ever_longer(street: Street) -> None:
    tried: list[str] = []
    began = datetime.now(UTC)
    due_at = began + timedelta(seconds=4)
    till = await street.open(listening(tried, due_at))
    await asyncio.gather(*(take(till, f"deaf_{number}", 1) for number in range(DEAF)), take(till, "good", 2))

    async def rung() -> bool:
        return (await till.lead("good"))[0] == Ear()

    await eventually(rung, seconds=60)
    assert datetime.now(UTC) >= due_at
    left = await till.query("SELECT count(*) AS n FROM timers")
    assert left[0]["n"] == DEAF, "an ignored timer stands as long as its state names it"
    seconds = (datetime.now(UTC) - began).total_seconds()
    assert len(tried) <= DEAF * (2 + math.log2(1 + seconds / 0.25)), "each rests twice as long after each time in vain"
    assert till.stopped is None


async def test_a_timer_without_a_state_that_names_it_harms_nobody(street: Street) -> None:
    tried: list[str] = []
    till = await street.open(listening(tried, datetime.now(UTC) + timedelta(seconds=1)))
    await till.keep(
        "INSERT INTO timers (subject, name, due_at) SELECT 'left_' || n, 'old', :at FROM generate_series(1, 600) AS n",
        at=LONG_AGO,
    )
    await take(till, "good", 2)

    async def rung() -> bool:
        return (await till.lead("good"))[0] == Ear()

    await eventually(rung, seconds=60)
    assert tried == ["good"]

"""Instances that come, go and are torn down under traffic, as a seed draws it: what must be true at the end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import toys
from branch import LEASE_SECONDS, street_of
from effects import in_effect
from street import Street, counted, eventually, everything_sent, same_after_rebuild, taking

from leadway.decider import Decider
from leadway.facts import Fact
from leadway.stage import Answer, Around, Gathering, OutcomeUnknown, Overloaded, Request, Stage, Timer, Unavailable
from leadway.stage.runtime import Runtime

PAYMENTS = 400
CHANGES = 10
INSTANCES_MAX = 3
PATIENCE = 60.0


class Desk(msgspec.Struct, frozen=True):
    """Writes a receipt for each payment when it is due: a payment of the negative number."""

    taken: tuple[int, ...] = ()
    due: dict[str, datetime] = {}


@dataclass(frozen=True)
class Write:
    number: int
    at: datetime | None = None


def decide(command: Any, state: Desk) -> list[Fact]:
    if isinstance(command, Write):
        assert command.at is not None
        return [toys.PaymentTaken(number=-command.number, colour="receipt", text=command.at.isoformat())]
    if command.number in state.taken:
        raise toys.AlreadyTaken
    return [toys.PaymentTaken(number=command.number, colour=command.colour, text=command.text)]


def evolve(state: Desk, fact: Fact) -> Desk:
    if not isinstance(fact, toys.PaymentTaken):
        return state
    if fact.number < 0:
        return Desk(state.taken, {name: at for name, at in state.due.items() if name != str(-fact.number)})
    return Desk((*state.taken, fact.number), {**state.due, str(fact.number): datetime.fromisoformat(fact.text)})


def complete(command: Any, around: Around) -> tuple[str, Any]:
    return around.subject, Write(command.number, around.now) if isinstance(command, Write) else command


DESK = Stage(
    service="till",
    leads=Decider(Desk(), decide, evolve),
    state_type=Desk,
    gathering=Gathering(complete=complete),
    views=toys.TILL.views,
    timers=lambda state: [Timer(name, at) for name, at in state.due.items()],
    on_timer=lambda _, timer: Write(int(timer.name)),
)


@dataclass
class Crowd:
    """The instances of one service that live now."""

    street: Street
    stage: Stage
    chance: random.Random
    living: list[Runtime] = field(default_factory=list[Runtime])
    opened: int = 0

    async def join(self) -> None:
        self.opened += 1
        self.living.append(await self.street.open(self.stage, str(self.opened), lease_seconds=LEASE_SECONDS))

    async def change(self) -> str:
        """One comes, one leaves in good order, or one is torn down and gives nothing back."""
        ways = ["join"] * (len(self.living) < INSTANCES_MAX) + ["leave", "tear"] * (len(self.living) > 1)
        way = self.chance.choice(ways)
        if way == "join":
            await self.join()
            return way
        gone = self.living.pop(self.chance.randrange(len(self.living)))
        if way == "leave":
            await gone.close()
        else:
            for task in gone._tasks:
                task.cancel()
            await asyncio.gather(*gone._tasks, return_exceptions=True)
            gone.gate.close()  # its callers hear nothing more of it
        return way


async def pay(tills: Crowd, number: int) -> None:
    """As a client does: the same request under the same key until there is an answer, now and then twice at once."""
    due = datetime.now(UTC) + timedelta(seconds=tills.chance.uniform(0, 3))
    request = taking(number, f"lead_{number % 17}", f"key{number}", colour=f"c{number % 3}", text=due.isoformat())
    told: list[Answer] = []
    while not told:
        asked = tills.chance.choices(tills.living, k=1 + (tills.chance.random() < 0.2))
        answers = await asyncio.gather(*(ask(till, request) for till in asked))
        told = [answer for answer in answers if answer is not None]
    assert all(answer == told[0] for answer in told)
    assert len(told[0].body["facts"]) == 1


async def ask(till: Runtime, request: Request) -> Answer | None:
    with contextlib.suppress(Overloaded, OutcomeUnknown, Unavailable):
        return await till.execute(request)
    return None


async def client(tills: Crowd, numbers: Iterator[int]) -> None:
    while burst := list(itertools.islice(numbers, tills.chance.choice((1, 1, 1, 25)))):
        await asyncio.gather(*(pay(tills, number) for number in burst))
        await asyncio.sleep(tills.chance.uniform(0, 0.05))


async def test_whatever_comes_and_goes_nothing_is_lost_or_doubled(database: str) -> None:
    seed = int(os.environ.get("LEADWAY_SEED") or random.randrange(1_000_000))
    print(f"LEADWAY_SEED={seed}")  # noqa: T201 a failure can be tried again
    chance = random.Random(seed)
    async with street_of(database) as street:
        tills, tallies = Crowd(street, DESK, chance), Crowd(street, toys.TALLY, chance)
        for crowd in (tills, tallies, tallies):
            await crowd.join()
        numbers = iter(range(1, PAYMENTS + 1))
        clients = [asyncio.create_task(client(tills, numbers)) for _ in range(6)]
        for _ in range(CHANGES):
            await asyncio.sleep(chance.uniform(0, 0.4))
            await chance.choice((tills, tallies)).change()
        await asyncio.gather(*clients)
        (till, *_), (tally, *_) = tills.living, tallies.living
        await eventually(lambda: counted(tally, 2 * PAYMENTS), seconds=PATIENCE)
        for runtime in (till, tally):
            await eventually(lambda runtime=runtime: everything_sent(runtime), seconds=PATIENCE)
        await nothing_lost_or_doubled(street)
        assert await same_after_rebuild(till)
        assert await same_after_rebuild(tally)


async def nothing_lost_or_doubled(street: Street) -> None:
    taken = [fact.data for fact in await in_effect(street.log, "till") if isinstance(fact.data, toys.PaymentTaken)]
    asked = range(1, PAYMENTS + 1)
    assert sorted(fact.number for fact in taken) == sorted([*asked, *(-number for number in asked)])
    due = {fact.number: fact.text for fact in taken if fact.number > 0}
    early = [fact for fact in taken if fact.number < 0 and fact.text < due[-fact.number]]
    assert early == []
    turns = defaultdict[str, list[int]](list)
    for fact in await in_effect(street.log, "tally"):
        assert isinstance(fact.data, toys.PaymentCounted)
        turns[fact.data.colour].append(fact.data.turn)
    for numbers in turns.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))

"""Two tiny services for the runtime's own tests: `till` takes payments for a lead, `tally` counts them per colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from leadway.decider import Decider, Refusal
from leadway.facts import CatalogFact, Envelope, Fact, LeadFact, wire
from leadway.stage import Around, Gathering, Mirror, SharedFold, Stage, Timer, View


@wire("payment.taken.v1", source="till")
class PaymentTaken(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """A payment was taken."""

    number: int
    colour: str
    text: str = ""


@wire("payment.counted.v1", source="tally")
class PaymentCounted(LeadFact, frozen=True, kw_only=True, omit_defaults=True):
    """The payment has its turn among those of its colour."""

    number: int
    colour: str
    turn: int


@wire("colour.changed.v1", source="till")
class ColourChanged(CatalogFact, frozen=True, kw_only=True, omit_defaults=True):
    """A colour as it stands."""

    name: str


class AlreadyTaken(Refusal):
    """The payment was taken before.

    Take another number."""

    slug = "toy-already-taken"
    status = 409


@dataclass(frozen=True)
class Take:
    number: int
    colour: str = "red"
    text: str = ""


class Till(msgspec.Struct, frozen=True):
    taken: tuple[int, ...] = ()


def decide_take(command: Take, state: Till) -> list[Fact]:
    if command.number in state.taken:
        raise AlreadyTaken(f"number {command.number}")
    if command.number < 0:
        return []
    return [PaymentTaken(number=command.number, colour=command.colour, text=command.text)]


def evolve_till(state: Till, fact: Fact) -> Till:
    match fact:
        case PaymentTaken():
            return Till((*state.taken, fact.number))
        case _:
            return state


TILL = Stage(
    service="till",
    leads=Decider(Till(), decide_take, evolve_till),
    state_type=Till,
    catalogs=(ColourChanged,),
    views=(View("takings", {"number": "int"}, lambda _, state: [(number,) for number in state.taken]),),
)


@dataclass(frozen=True)
class Count:
    number: int
    colour: str
    turn: int = 0


class Tally(msgspec.Struct, frozen=True):
    turns: dict[str, int] = {}
    due: dict[str, str] = {}


class Seen(msgspec.Struct, frozen=True):
    payments: int = 0


def translate(envelope: Envelope) -> Count | None:
    fact = envelope.data
    if isinstance(fact, PaymentTaken):
        if fact.text == "poison":
            raise ValueError("this payment is poison")
        return Count(fact.number, fact.colour)
    return None


def complete(command: Count, around: Around) -> tuple[str, Count]:
    turn = around.shared(f"colour:{command.colour}") + 1
    return around.subject, Count(command.number, command.colour, turn)


def decide_count(command: Count, state: Tally) -> list[Fact]:
    if str(command.number) in state.turns:
        return []
    return [PaymentCounted(number=command.number, colour=command.colour, turn=command.turn)]


def evolve_tally(state: Tally, fact: Fact) -> Tally:
    if isinstance(fact, PaymentCounted):
        return Tally({**state.turns, str(fact.number): fact.turn}, state.due)
    return state


def turn_of(_: str, value: int, fact: Fact) -> int:
    return max(value, fact.turn) if isinstance(fact, PaymentCounted) else value


def reflect(mirror: Seen, _: Envelope) -> Seen:
    return Seen(mirror.payments + 1)


TALLY = Stage(
    service="tally",
    leads=Decider(Tally(), decide_count, evolve_tally),
    state_type=Tally,
    foreign=(PaymentTaken, ColourChanged),
    translate=translate,
    mirror=Mirror(Seen(), reflect, Seen),
    gathering=Gathering(shared_keys=lambda command, _: [f"colour:{command.colour}"], complete=complete),
    shared=SharedFold(
        keys=lambda fact: [f"colour:{fact.colour}"] if isinstance(fact, PaymentCounted) else [],
        initial=lambda _: 0,
        evolve=turn_of,
        value_type=int,
    ),
    views=(
        View("turns", {"colour": "text", "turn": "int"}, lambda _, state: [(n, t) for n, t in state.turns.items()]),
        View(
            "seen", {"payments": "int"}, lambda _, mirror: [(mirror.payments,)] if mirror.payments else [], of="mirror"
        ),
    ),
)

__all__ = ["TALLY", "TILL", "Any", "Take", "Timer"]

"""What a fault is, and where all of them are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from faults.world import World

Inject = Callable[[World, Random], Awaitable[bool]]
"""Do it, and undo it where it lasts; False where it could not be done now (nothing was harmed then)."""
LIVE: dict[str, Live] = {}


@dataclass(frozen=True, slots=True)
class Live:
    """A fault under traffic. `weight`: how often it comes among the others. `kafka`: only where the log is on Kafka."""

    name: str
    weight: int
    inject: Inject
    kafka: bool = False


def live(name: str, weight: int, *, kafka: bool = False) -> Callable[[Inject], Inject]:
    """Name a fault."""

    def named(inject: Inject) -> Inject:
        LIVE[name] = Live(name, weight, inject, kafka)
        return inject

    return named

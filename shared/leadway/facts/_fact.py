"""What every fact has in common, and the register of their wire names."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec

LEAD_EVENTS = "lead-events"
CATALOG_EVENTS = "catalog-events"
TOPICS = (LEAD_EVENTS, CATALOG_EVENTS)


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, in the words of the business. Grows by optional fields only."""

    wire: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    source: ClassVar[str] = ""
    told_apart_by: ClassVar[tuple[str, ...]] = ()  # fields that tell facts of one type and one cause apart

    def targets(self) -> tuple[str, ...]:
        """The values of `told_apart_by`, for the fact's derived id."""
        names = self.told_apart_by
        return tuple([str(getattr(self, name)) for name in names]) if names else ()


class LeadFact(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about one lead; its subject, and its key on the log, is the lead's id."""

    topic: ClassVar[str] = LEAD_EVENTS


class CatalogFact(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The whole of one catalog entry as it stands from now on; the highest version is the one in force."""

    topic: ClassVar[str] = CATALOG_EVENTS

    entity_id: str
    version: int = 0


F = TypeVar("F", bound=Fact)
_REGISTER: dict[str, type[Fact]] = {}


def wire(name: str, *, source: str) -> Callable[[type[F]], type[F]]:
    """Register a fact class under its written wire name, `noun.participle.vN`, and the service that produces it."""

    def register(cls: type[F]) -> type[F]:
        if name in _REGISTER:
            message = f"{name} is already the wire name of {_REGISTER[name].__name__}"
            raise TypeError(message)
        cls.wire = name
        cls.source = source
        _REGISTER[name] = cls
        return cls

    return register


def fact_type(name: str) -> type[Fact] | None:
    """The class behind a wire name; None for a name that this release does not know."""
    return _REGISTER.get(name)


def fact_types() -> tuple[type[Fact], ...]:
    """Every registered fact, by wire name."""
    return tuple(_REGISTER[name] for name in sorted(_REGISTER))

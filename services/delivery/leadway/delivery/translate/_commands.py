"""Inbound fact → command."""

from __future__ import annotations

from typing import Final

from leadway.delivery.decider import Notify, Occurred
from leadway.facts import LEAD_EVENTS, Envelope, Fact, fact_types
from leadway.facts.router import PartnerChanged

_OWN: Final = "delivery"


def type_of(wire: str) -> str:
    """A wire name without its version: `lead.assigned.v1` → `lead.assigned`."""
    return wire.rpartition(".v")[0]


LEAD_FACTS: Final[tuple[type[Fact], ...]] = tuple(
    cls for cls in fact_types() if cls.topic == LEAD_EVENTS and cls.source != _OWN
)
FOREIGN: Final[tuple[type[Fact], ...]] = (*LEAD_FACTS, PartnerChanged)
SUBSCRIBABLE: Final[frozenset[str]] = frozenset(type_of(cls.wire) for cls in LEAD_FACTS)
"""The types that an endpoint may name. Delivery's own facts are not among them: `*` would feed itself."""


def translate(envelope: Envelope) -> Notify | None:
    """Every fact about a lead may have to be told; to whom, and what of it, is filled in from the lead's mirror."""
    if envelope.source == _OWN:
        return None
    return Notify(
        lead_id=envelope.subject,
        occurred=Occurred(fact_id=envelope.id, fact_type=type_of(envelope.type), fact_time=envelope.time),
    )

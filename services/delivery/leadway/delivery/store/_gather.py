"""Filling commands in: which endpoints are to be told of a fact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from leadway.delivery.decider import Command, Notify, Occurred, Replay
from leadway.delivery.translate import FOREIGN, Lead, Seen, type_of
from leadway.facts import Fact
from leadway.facts.delivery import DueEndpoint, EndpointChanged
from leadway.stage import Around, Catalogs

ALL_TYPES: Final = "*"
# A paused endpoint loses nothing: what is due meanwhile waits for it.
_TOLD: Final = frozenset({"active", "paused"})


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Endpoints by the partner that they belong to; None: the vendor's own, which are told everything."""

    by_partner: dict[str | None, tuple[EndpointChanged, ...]]

    def of(self, seen: Seen) -> tuple[DueEndpoint, ...]:
        """The endpoints that are to be told of a fact, by id."""
        told = [_due(endpoint, ended=False) for endpoint in self._subscribed(None, seen.type)]
        for partner_id in seen.audience:
            told += [_due(endpoint, ended=seen.ended) for endpoint in self._subscribed(partner_id, seen.type)]
        return tuple(sorted(told, key=lambda endpoint: endpoint.endpoint_id))

    def _subscribed(self, partner_id: str | None, fact_type: str) -> Iterable[EndpointChanged]:
        return (
            endpoint
            for endpoint in self.by_partner.get(partner_id, ())
            if ALL_TYPES in endpoint.types or fact_type in endpoint.types
        )


def subscriptions(catalogs: Catalogs) -> Subscriptions:
    """The endpoints that take messages, made again only after a catalog changed."""
    return catalogs.memo("delivery.subscriptions", _subscriptions)


def waking(catalogs: Catalogs) -> frozenset[type[Fact]]:
    """The facts that some endpoint is to be told: nobody waits for the others."""
    return catalogs.memo("delivery.waking", _waking)


def complete(command: Command, around: Around) -> tuple[str, Command]:
    """Name the endpoints, and what they are told, from the lead's mirror and the endpoints in force."""
    match command:
        case Notify(lead_id=lead_id, occurred=occurred):
            lead = cast("Lead", around.mirror)
            seen = next((seen for seen in reversed(lead.history) if seen.fact_id == occurred.fact_id), None)
            if seen is None:
                return lead_id, command
            endpoints = subscriptions(around.catalogs).of(seen)
            return lead_id, msgspec.structs.replace(command, occurred=occurred_of(seen), endpoints=endpoints)
        case Replay(lead_id=lead_id):
            return lead_id, _replay(command, around)
        case _:
            return command.lead_id, command


def occurred_of(seen: Seen) -> Occurred:
    """A fact of the lead's history, as commands carry it."""
    return Occurred(
        fact_id=seen.fact_id,
        fact_type=seen.type,
        fact_time=seen.at,
        assignment_id=seen.assignment_id,
        deal_id=seen.deal_id,
        change=seen.change,
    )


def _replay(command: Replay, around: Around) -> Replay:
    lead = cast("Lead", around.mirror)
    subscribed = subscriptions(around.catalogs)
    chosen = tuple(
        (occurred_of(seen), endpoint)
        for seen in lead.history
        if seen.at >= command.since
        for endpoint in subscribed.of(seen)
        if endpoint.endpoint_id == command.endpoint_id
    )
    return msgspec.structs.replace(command, occurred=chosen)


def _waking(catalogs: Catalogs) -> frozenset[type[Fact]]:
    told = (one for one in catalogs.all(EndpointChanged).values() if one.status in _TOLD)
    named = {name for endpoint in told for name in endpoint.types}
    return frozenset(kind for kind in FOREIGN if ALL_TYPES in named or type_of(kind.wire) in named)


def _subscriptions(catalogs: Catalogs) -> Subscriptions:
    by_partner: dict[str | None, list[EndpointChanged]] = {}
    for endpoint in catalogs.all(EndpointChanged).values():
        if endpoint.status in _TOLD:
            by_partner.setdefault(endpoint.partner_id, []).append(endpoint)
    return Subscriptions({partner_id: tuple(endpoints) for partner_id, endpoints in by_partner.items()})


def _due(endpoint: EndpointChanged, *, ended: bool) -> DueEndpoint:
    return DueEndpoint(endpoint_id=endpoint.entity_id, version=endpoint.version, schema=endpoint.schema, ended=ended)

"""Finding the services: by entry point, so that shared code imports none of them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points

from leadway.stage import Service

_GROUP = "leadway.services"


def service_names() -> tuple[str, ...]:
    """Every installed service, in the order in which a lead meets them."""
    found = {point.name for point in entry_points(group=_GROUP)}
    known = [name for name in _ORDER if name in found]
    return (*known, *sorted(found - set(known)))


def services(names: Iterable[str] | None = None) -> tuple[Service, ...]:
    """Load services. Raises LookupError for a name that is not installed."""
    points = {point.name: point for point in entry_points(group=_GROUP)}
    wanted = tuple(names) if names is not None else service_names()
    for name in wanted:
        if name not in points:
            message = f"there is no service {name!r}; there are {', '.join(service_names())}"
            raise LookupError(message)
    return tuple(points[name].load() for name in wanted)


_ORDER = ("ingest", "scoring", "router", "sla-timer", "dealreg", "delivery", "attribution")

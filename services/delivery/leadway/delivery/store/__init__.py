"""Delivery's tables.

State: `pending`, `finished` (views of what is due, delivered and failed). Mirror: each lead as others tell it, and
`active_leads`, `told_leads`. Kept: `turns` (whose turn it is at each endpoint, leases, attempts) and `endpoint_health`.
"""

from leadway.delivery.store._gather import complete, waking
from leadway.delivery.store._queries import (
    Health,
    Turn,
    active_leads,
    claim,
    deliveries,
    forget_turns,
    health,
    of_deleted,
    troubled,
    try_again,
    well,
)
from leadway.delivery.store._views import MIRROR, VIEWS

__all__ = [
    "MIRROR",
    "VIEWS",
    "Health",
    "Turn",
    "active_leads",
    "claim",
    "complete",
    "deliveries",
    "forget_turns",
    "health",
    "of_deleted",
    "troubled",
    "try_again",
    "waking",
    "well",
]

"""The stage runtime: consume → decide → save → outbox, in one transaction, for facts and requests alike."""

from leadway.stage._asking import Answer, Decided, Edit, IdempotencyKey, Request
from leadway.stage._crash import point as crash_point
from leadway.stage._declare import Around, Catalogs, Gathering, Mirror, SharedFold, Stage, Timer, View
from leadway.stage._refusals import (
    IdempotencyKeyReused,
    Lagging,
    LeadParked,
    OutcomeUnknown,
    Overloaded,
    Stopped,
    Unacceptable,
    Unavailable,
)
from leadway.stage._service import Built, Service, ServiceHost, StageRuntime

__all__ = [
    "Answer",
    "Around",
    "Built",
    "Catalogs",
    "Decided",
    "Edit",
    "Gathering",
    "IdempotencyKey",
    "IdempotencyKeyReused",
    "Lagging",
    "LeadParked",
    "Mirror",
    "OutcomeUnknown",
    "Overloaded",
    "Request",
    "Service",
    "ServiceHost",
    "SharedFold",
    "Stage",
    "StageRuntime",
    "Stopped",
    "Timer",
    "Unacceptable",
    "Unavailable",
    "View",
    "crash_point",
]

"""Running a stage: for the composition root and tests; a service's own rooms need only `leadway.stage`."""

from leadway.stage._catalogs import CatalogCache
from leadway.stage._consumer import ConsumerLimits
from leadway.stage._ending import end
from leadway.stage._gate import GateLimits
from leadway.stage._inputs import Batch, FactInput, Outcome, Place, RequestInput, TimerInput
from leadway.stage._parking import ParkedRecord, ParkingLot, StillParked
from leadway.stage._rebuild import Cut, cut_of, fold_log, hashes, unmoved, write
from leadway.stage._relay import RelayLimits
from leadway.stage._runtime import Runtime, RuntimeLimits
from leadway.stage._tables import FOLDED, KEPT, create_views
from leadway.stage._term import check_term
from leadway.stage._transaction import Transactions
from leadway.stage._turns import Behind, Turns

__all__ = [
    "FOLDED",
    "KEPT",
    "Batch",
    "Behind",
    "CatalogCache",
    "ConsumerLimits",
    "Cut",
    "FactInput",
    "GateLimits",
    "Outcome",
    "ParkedRecord",
    "ParkingLot",
    "Place",
    "RelayLimits",
    "RequestInput",
    "Runtime",
    "RuntimeLimits",
    "StillParked",
    "TimerInput",
    "Transactions",
    "Turns",
    "check_term",
    "create_views",
    "cut_of",
    "end",
    "fold_log",
    "hashes",
    "unmoved",
    "write",
]

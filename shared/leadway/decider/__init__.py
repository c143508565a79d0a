"""What a service decides: commands in, facts out, and refusals in words that the caller can act on.

Pure and of the standard library alone, so that a decider can be read, tested and replayed without anything running.
"""

from leadway.decider._decider import Decider, fold
from leadway.decider._refusals import (
    AssignmentEnded,
    Fault,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotOwner,
    Refusal,
    StaleDocument,
)

__all__ = [
    "AssignmentEnded",
    "Decider",
    "Fault",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "NotOwner",
    "Refusal",
    "StaleDocument",
    "fold",
]

"""What a service decides: commands in, facts out, and refusals in words that the caller can act on.

Pure and of the standard library alone, so that a decider can be read, tested and replayed without anything running.
"""

from leadway.decider._decider import Decider, fold
from leadway.decider._refusals import (
    Fault,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refusal,
    StaleDocument,
)

__all__ = [
    "Decider",
    "Fault",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "Refusal",
    "StaleDocument",
    "fold",
]

"""The chain of one lead, from the campaign to the revenue: a fold of everybody's facts, in the place of a decider.

Each link names its fact. Nothing personal is kept, and nothing of any catalog: names, codes and spend are joined when
somebody asks.
"""

from leadway.attribution.projection._chain import (
    Assignment,
    Booking,
    Captured,
    Chain,
    DealLink,
    Link,
    Opportunity,
    Score,
    TouchLink,
)
from leadway.attribution.projection._fold import LEAD_FACTS, evolve

__all__ = [
    "LEAD_FACTS",
    "Assignment",
    "Booking",
    "Captured",
    "Chain",
    "DealLink",
    "Link",
    "Opportunity",
    "Score",
    "TouchLink",
    "evolve",
]

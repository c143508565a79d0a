"""The clock as an argument.

What a decision is dated by is PostgreSQL's clock, read once in its transaction; this one is for the edges (tokens,
timeouts, tools), where no transaction is at hand.
"""

from leadway.clock._clock import Clock, SystemClock

__all__ = ["Clock", "SystemClock"]

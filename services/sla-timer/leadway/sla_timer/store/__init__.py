"""What sla-timer keeps and gathers.

state: a lead's clocks, the fold of own facts. mirror: what the lead is, its score, and who holds it. No shared rows, no
views and no kept tables of its own: timers are the runtime's, and a lead's clocks are read whole.
"""

from leadway.sla_timer.store._gather import POLICIES_ID, gathering, policy_book
from leadway.sla_timer.store._mirror import MIRROR, Holder, Lead
from leadway.sla_timer.store._timing import on_timer, time_of, timers

__all__ = ["MIRROR", "POLICIES_ID", "Holder", "Lead", "gathering", "on_timer", "policy_book", "time_of", "timers"]

"""What the router keeps: state and shared keys (folds of its own facts), the mirror (of others'), and its lists."""

from leadway.router.policy.interest import Interest
from leadway.router.policy.spanning import Spanning, evolve, initial, keys
from leadway.router.store._gather import RULES_ID, complete, network, shared_keys
from leadway.router.store._mirror import UNKNOWN, reflect
from leadway.router.store._queries import claimable_ids, lead, lead_ids, lead_once_known, leads, open_leads
from leadway.router.store._views import VIEWS, name_of
from leadway.stage import Gathering, Mirror, SharedFold

GATHERING = Gathering(shared_keys=shared_keys, complete=complete)
MIRROR = Mirror(initial=UNKNOWN, reflect=reflect, type=Interest)
SHARED = SharedFold(keys=keys, initial=initial, evolve=evolve, value_type=Spanning)

__all__ = [
    "GATHERING",
    "MIRROR",
    "RULES_ID",
    "SHARED",
    "UNKNOWN",
    "VIEWS",
    "claimable_ids",
    "lead",
    "lead_ids",
    "lead_once_known",
    "leads",
    "name_of",
    "network",
    "open_leads",
]

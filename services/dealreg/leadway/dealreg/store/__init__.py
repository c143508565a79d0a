"""What dealreg keeps: state and claims (folds of its own facts), the mirror (of others'), and its lists.

state: a lead's work and deals · mirror: who holds it, whom it is about, its deadlines · shared: claims on companies ·
views: `deals` (of state), `known_leads` (of the mirror). Nothing of its own is kept beside these.
"""

from leadway.dealreg.policy.conflict import Claims, evolve_claims
from leadway.dealreg.store._catalogs import (
    PROTECTION_ID,
    STAGES_ID,
    cam_of,
    partners_of,
    product_term,
    protection,
    stages,
)
from leadway.dealreg.store._gather import complete, lookups, shared_keys, subjects
from leadway.dealreg.store._mirror import UNSEEN, Held, LeadSeen, Nobody, Queued, reflect
from leadway.dealreg.store._queries import deals, lead_of_deal, own_lead
from leadway.dealreg.store._seats import origin_of, oversees, seat_of
from leadway.dealreg.store._views import VIEWS, name_of
from leadway.stage import Gathering, Mirror, SharedFold

GATHERING = Gathering(subjects=subjects, shared_keys=shared_keys, lookups=lookups, complete=complete)
MIRROR = Mirror(initial=UNSEEN, reflect=reflect, type=LeadSeen)
SHARED = SharedFold(
    keys=lambda fact: [turn.key for turn in getattr(fact, "keys", ())],
    initial=lambda _: Claims(),
    evolve=evolve_claims,
    value_type=Claims,
)

__all__ = [
    "GATHERING",
    "MIRROR",
    "PROTECTION_ID",
    "SHARED",
    "STAGES_ID",
    "VIEWS",
    "Held",
    "LeadSeen",
    "Nobody",
    "Queued",
    "cam_of",
    "deals",
    "lead_of_deal",
    "name_of",
    "origin_of",
    "oversees",
    "own_lead",
    "partners_of",
    "product_term",
    "protection",
    "seat_of",
    "stages",
]

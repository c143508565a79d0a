"""Attribution's tables, all of them mirrors: each lead's chain, and views of it that revenue is reckoned from."""

from leadway.attribution.store._queries import COUNTED, Row, bookings_of, leads_by_key, touches_of
from leadway.attribution.store._stream import Filter, facts
from leadway.attribution.store._views import MIRROR, VIEWS

__all__ = ["COUNTED", "MIRROR", "VIEWS", "Filter", "Row", "bookings_of", "facts", "leads_by_key", "touches_of"]

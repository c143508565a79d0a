"""Delivery's tables: what is due (state), leads (mirror), attempts and endpoints' health (kept)."""

from leadway.delivery.store._gather import complete
from leadway.delivery.store._views import MIRROR, VIEWS

__all__ = ["MIRROR", "VIEWS", "complete"]

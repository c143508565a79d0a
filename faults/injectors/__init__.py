"""All faults by name: those under traffic, and those that damage what is stored, for which traffic rests."""

from faults.injectors import _network as _network
from faults.injectors import _processes as _processes
from faults.injectors import _records as _records
from faults.injectors import _stores as _stores
from faults.injectors import _webhooks as _webhooks
from faults.injectors._damage import DAMAGES, Damage, keep_older
from faults.injectors._registry import LIVE, Live

__all__ = ["DAMAGES", "LIVE", "Damage", "Live", "keep_older"]

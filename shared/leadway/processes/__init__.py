"""Processes: children that end when we do (a database, a broker never outlives us), and how ours keeps its memory."""

from leadway.processes._child import Account, NotMainThread, free_port, start_child, stop_child
from leadway.processes._memory import spare_what_is_loaded

__all__ = ["Account", "NotMainThread", "free_port", "spare_what_is_loaded", "start_child", "stop_child"]

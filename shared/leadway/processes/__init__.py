"""Child processes that end when we end: what runs beside us (a database, a broker) never outlives us."""

from leadway.processes._child import Account, NotMainThread, free_port, start_child, stop_child

__all__ = ["Account", "NotMainThread", "free_port", "start_child", "stop_child"]

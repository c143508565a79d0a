"""What a running system says of itself: structured logs in a file, a calm console, and metrics. Ids only, no people."""

from leadway.telemetry._logs import LogSettings, configure_logs
from leadway.telemetry._metrics import EXPOSITION_MEDIA_TYPE, HttpMetrics, exposition, process_registry
from leadway.telemetry._personal import drop_personal

__all__ = [
    "EXPOSITION_MEDIA_TYPE",
    "HttpMetrics",
    "LogSettings",
    "configure_logs",
    "drop_personal",
    "exposition",
    "process_registry",
]

"""Putting a process together: settings, the services that it runs, their databases, the log, one HTTP face."""

from leadway.hosting._deployment import Deployment, Host, ServiceRunning, deployment, deployment_key, migrations_of
from leadway.hosting._rebuilding import Rebuilt, StillRunning, rebuild
from leadway.hosting._services import service_names, services
from leadway.hosting._settings import Settings

__all__ = [
    "Deployment",
    "Host",
    "Rebuilt",
    "ServiceRunning",
    "Settings",
    "StillRunning",
    "deployment",
    "deployment_key",
    "migrations_of",
    "rebuild",
    "service_names",
    "services",
]

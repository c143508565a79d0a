"""HTTP → command: endpoints, their messages, replays and tests."""

from leadway.delivery.api._routes import routes

__all__ = ["routes"]

"""What analysts, channel managers and partners may ask."""

from leadway.attribution.api._routes import routes

__all__ = ["routes"]

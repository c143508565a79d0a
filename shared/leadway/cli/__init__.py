"""The command line: `leadway up`, `serve`, `token`, `demo`, `tail`, `rebuild`, `parked`, `doctor`, `verify`, `docs`."""

from leadway.cli._app import main

__all__ = ["main"]

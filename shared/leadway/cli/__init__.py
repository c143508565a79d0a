"""The command line: `leadway up`, `serve`, `token`, `demo`, `tail`, `rebuild`, `parked`, `doctor`."""

from leadway.cli._app import main

__all__ = ["main"]

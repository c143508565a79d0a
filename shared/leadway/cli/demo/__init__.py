"""`leadway demo`: one lead's whole life over the public API of a running system."""

from leadway.cli.demo._run import demo

__all__ = ["demo"]

"""`leadway doctor`: what is well, what is not, and what to do about it."""

from leadway.cli._doctor._examination import doctor

__all__ = ["doctor"]

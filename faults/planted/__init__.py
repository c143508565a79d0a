"""Planted bugs: small mutations of a copy of the code, each of which a named test or the campaign must catch."""

from faults.planted._apply import apply, broken
from faults.planted._bugs import BUGS
from faults.planted._shape import Bug, Edit

__all__ = ["BUGS", "Bug", "Edit", "apply", "broken"]

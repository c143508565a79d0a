"""How large companies are."""

from __future__ import annotations

import re
from typing import Final

EMPLOYEES_MAX: Final = 10_000_000
_RANGE: Final = re.compile(r"(?:-|–|—|to|bis|a|à|do|until|\.\.+)")
_NUMBER: Final = re.compile(r"(\d{1,3}(?:[.,'’  ]\d{3})+|\d+)(?:[.,](\d{1,2})(?!\d))?\s*(k|tsd|mil|m)?\b")
_AT_MOST: Final = re.compile(
    r"^\s*(?:<|≤|up to|under|less than|fewer than|bis(?: zu)?|unter|weniger als|moins de|hasta|fino a|do|até|tot)\s*\d"
)
_TIMES: Final = {"k": 1_000, "tsd": 1_000, "mil": 1_000, "m": 1_000_000}


def employees(said: str | int | None) -> int | None:
    """How many people work there: the lower end of a range ("1,000-5,000" is 1000, "500+" is 500, "under 50" is 1).

    The lower end, because it is all that a range asserts: a rule that asks for at least 1,000 must hold for each size
    in it. None where no number can be read.
    """
    if said is None or isinstance(said, int):
        return said if said is not None and 0 <= said <= EMPLOYEES_MAX else None
    text = said.casefold()
    if _AT_MOST.match(text):
        return 1
    found = _NUMBER.search(text)
    if found is None:
        return None
    whole, part, unit = found.groups()
    number = float(re.sub(r"\D", "", whole) + ("." + part if part and unit else ""))
    count = int(number * _TIMES.get(unit or _unit_after(text, found.end()), 1))
    return count if count <= EMPLOYEES_MAX else None


def _unit_after(text: str, at: int) -> str:
    # "1-5k" says its unit once, behind the upper end.
    rest = text[at:].strip()
    beyond = _RANGE.match(rest)
    upper = _NUMBER.match(rest[beyond.end() :].strip()) if beyond else None
    return (upper.group(3) or "") if upper else ""

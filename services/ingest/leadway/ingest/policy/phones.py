"""Phone numbers."""

from __future__ import annotations

import re
from typing import Final

PHONE_LENGTH_MAX: Final = 60
_DIGITS: Final = re.compile(r"\d")
_DIGITS_MIN: Final = 5


def e164(said: str | None, country: str | None = None) -> str | None:
    """The number as +48225550123, where it can be one; a national number is read in `country` (ISO alpha-2)."""
    if not said or len(said) > PHONE_LENGTH_MAX or len(_DIGITS.findall(said)) < _DIGITS_MIN:
        return None
    # Its tables of the world's numbers take some 6 MB: only a process that meets a phone number pays for them.
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(said, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

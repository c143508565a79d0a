"""Phone numbers."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

PHONE_LENGTH_MAX: Final = 60
_DIGITS: Final = re.compile(r"\d")
_DIGITS_MIN: Final = 5
_CALLING_CODE_DIGITS_MAX: Final = 3
# What nearly every number from abroad looks like: its length is asked for here, all else takes the library some 20 µs.
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9 ().-]{5,40}[0-9]")
_PUNCTUATION: Final = str.maketrans("", "", " ().-")

_Plan = tuple[re.Pattern[str] | None, frozenset[int]]


def e164(said: str | None, country: str | None = None) -> str | None:
    """The number as +48225550123, where it can be one; a national number is read in `country` (ISO alpha-2)."""
    if not said or len(said) > PHONE_LENGTH_MAX:
        return None
    if _INTERNATIONAL.fullmatch(said):
        return _international(said) or _parsed(said, country)
    return _parsed(said, country)


def _international(said: str) -> str | None:
    """A number that needs no more than its punctuation gone; None for one with a trunk prefix in it, and for none."""
    number = said.translate(_PUNCTUATION)
    for end in range(2, 2 + _CALLING_CODE_DIGITS_MAX):
        plan = _plan(number[1:end])
        if plan is not None:
            prefix, lengths = plan
            national = number[end:]
            if len(national) in lengths and (prefix is None or not prefix.match(national)):
                return number
            return None
    return None


@cache
def _plan(calling_code: str) -> _Plan | None:
    """What a trunk prefix looks like behind this calling code, and how long its numbers are; None for no such code.

    There are no more keys than codes of three digits.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata  # noqa: PLC0415

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code))
    if not regions:
        return None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return re.compile(prefix) if prefix else None, frozenset(metadata.general_desc.possible_length)


def _parsed(said: str, country: str | None) -> str | None:
    if len(_DIGITS.findall(said)) < _DIGITS_MIN:
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

"""E-mail addresses: the form in which they identify a person."""

from __future__ import annotations

import re
from typing import Final

EMAIL_LENGTH_MAX: Final = 254
_LOCAL_LENGTH_MAX: Final = 64
# What nearly every address looks like; the rest goes to a library that knows all the rules and takes 20 times as long.
_PLAIN: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})"
)


def normalise_email(said: str | None) -> str | None:
    """The address in lower case, its domain in ASCII; None where what was said is no address. Nothing is looked up."""
    if not said:
        return None
    text = said.strip().removeprefix("mailto:").casefold()
    if len(text) > EMAIL_LENGTH_MAX:
        return None
    if text.isascii():
        return text if _PLAIN.fullmatch(text) and text.index("@") <= _LOCAL_LENGTH_MAX else None
    return _international(text)


def email_domain(email: str) -> str:
    """The part after the @ of a normalised address."""
    return email.rpartition("@")[2]


def _international(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  few addresses need it

    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain}"

"""How words are compared that people write in many ways."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Letters that Unicode does not take apart into a base letter and an accent.
_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_BETWEEN: Final = re.compile(r"[\W_]+")


# Words come again and again: countries, industries, products, the values of conditions.
@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Without regard to case, accents, punctuation and blanks: `Hôpital & Santé` is `hopital sante`."""
    folded = text.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
        # Casefolded again: taking a ligature apart may bring capitals back.
        folded = "".join(each for each in apart if not unicodedata.combining(each)).casefold()
    return _BETWEEN.sub(" ", folded).strip()


def squeezed(text: str) -> str:
    """Folded, without blanks: how the names of fields and columns are compared."""
    return fold(text).replace(" ", "")

"""Countries: a code out of what people write."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from leadway.words import fold

COUNTRY_LENGTH_MAX: Final = 80
# What people say that no table of names has.
_SAYINGS: Final = {
    "u s": "US",
    "u s a": "US",
    "usa": "US",
    "america": "US",
    "united states of america": "US",
    "the united states": "US",
    "uk": "GB",
    "u k": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "grossbritannien": "GB",
    "el": "GR",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "tschechische republik": "CZ",
    "republic of ireland": "IE",
    "korea": "KR",
    "south korea": "KR",
    "republic of korea": "KR",
    "russian federation": "RU",
    "uae": "AE",
    "hong kong": "HK",
    "macau": "MO",
    "taiwan": "TW",
    "viet nam": "VN",
    "turkey": "TR",
    "ivory coast": "CI",
    "brasil": "BR",
    "schweiz": "CH",
    "suisse": "CH",
}


def country_code(said: str | None) -> str | None:
    """The ISO 3166-1 alpha-2 code: of a code (two or three letters), or of a name in one of some thirty languages."""
    if not said or len(said) > COUNTRY_LENGTH_MAX:
        return None
    return _codes().get(fold(said))


@cache
def _codes() -> dict[str, str]:
    # The names are Unicode's (CLDR), in a file: reading them from Babel at run time takes 20 MB and a pause.
    codes = dict(_SAYINGS)
    text = (files("leadway.ingest.policy") / "data" / "countries.tsv").read_text("utf-8")
    for line in text.splitlines():
        code, *names = line.split("\t")
        codes[code.lower()] = code
        for name in names:
            codes.setdefault(name, code)
    return codes

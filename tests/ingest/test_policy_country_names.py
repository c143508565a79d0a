"""The table of country names is what Unicode's data say. Run as a program, this file writes the table anew."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import cast

from babel import Locale
from babel.core import get_global

from leadway.words import fold

# An earlier language wins where two name different countries alike.
LANGUAGES = (  # noqa: SIM905  words in rows read better
    "en de fr es it pl pt nl cs sk sv da nb fi hu ro tr el uk ru bg hr sl sr lt lv et ja ko zh zh_Hant ar he vi th id"
).split()
NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
TABLE = files("leadway.ingest.policy") / "data" / "countries.tsv"


def territories(language: str) -> dict[str, str]:
    return cast("dict[str, str]", dict(Locale.parse(language).territories))


def table() -> str:
    codes = sorted(code for code in territories("en") if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES)
    taken: dict[str, str] = {}
    aliases = cast("dict[str, list[str]]", get_global("territory_aliases"))
    for alias, meant in sorted(aliases.items()):
        if len(alias) == 3 and alias.isalpha() and len(meant) == 1 and meant[0] in codes:
            taken[alias.lower()] = meant[0]
    for language in LANGUAGES:
        names = territories(language)
        for code in codes:
            name = fold(names.get(code, ""))
            if len(name) > 1:
                taken.setdefault(name, code)
    return "".join("\t".join([code, *(name for name, of in taken.items() if of == code)]) + "\n" for code in codes)


def test_the_table_is_up_to_date() -> None:
    assert TABLE.read_text("utf-8") == table(), "run this file as a program to write the table anew"


if __name__ == "__main__":
    with open(str(TABLE), "w", encoding="utf-8") as file:  # noqa: PTH123  a resource is a path here
        file.write(table())
    sys.stdout.write(f"{TABLE}\n")

"""Vocabularies and campaign codes: our code for what somebody said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leadway.facts.ingest import VocabularyEntry
from leadway.words import code_key, fold


class Vocabulary:
    """The entries of one vocabulary, ready to be asked.

    What is said is compared without regard to case, accents and punctuation with each entry's code, label and
    aliases; codes go before labels, labels before aliases, an earlier entry before a later one.
    """

    def __init__(self, entries: Iterable[VocabularyEntry]) -> None:
        kept = tuple(entries)
        self._codes: dict[str, str] = {}
        for sayings in (
            [(each.code, each.code) for each in kept],
            [(each.label, each.code) for each in kept],
            [(alias, each.code) for each in kept for alias in each.aliases],
        ):
            for saying, code in sayings:
                self._codes.setdefault(fold(saying), code)

    def lookup(self, said: str | None) -> str | None:
        """The code for a saying; None where no entry knows it."""
        key = fold(said) if said else ""
        return self._codes.get(key) if key else None


def clashes(entries: Iterable[VocabularyEntry]) -> tuple[tuple[int, int | None, str], ...]:
    """Sayings that mean two codes, as (index of the entry, index of the alias or None for the label, other code)."""
    meant: dict[str, str] = {}
    found: list[tuple[int, int | None, str]] = []
    for index, entry in enumerate(entries):
        sayings = ((None, entry.code), (None, entry.label), *enumerate(entry.aliases))
        for place, saying in sayings:
            other = meant.setdefault(fold(saying), entry.code)
            if other != entry.code:
                found.append((index, place, other))
    return tuple(found)


def resolve_campaign(said: Iterable[str], campaigns: Mapping[str, str]) -> str | None:
    """The campaign of the first saying that is known. `campaigns`: campaign ids by `code_key` of each code."""
    return next((campaigns[key] for key in map(code_key, said) if key in campaigns), None)

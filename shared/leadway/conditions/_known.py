"""What a condition may name in the place where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

ANY_FIELD: Final = "fields.*"
"""Stands for every answer of the form: `fields.budget`, `fields.What do you need?`."""

NUMBER_FIELDS: Final = frozenset({"employees", "score"})

FIELDS: Final = NUMBER_FIELDS | {
    "country",
    "region",
    "postal_code",
    "industry",
    "product",
    "domain",
    "campaign",
    "tactic",
    "source",
    "origin",
    "touch",
    "asset",
    "tier",
    "method",
    ANY_FIELD,
}


@dataclass(frozen=True)
class Known:
    """What a condition may ask for, and the values that are known.

    `fields`: the fields that have a meaning where the condition stands; ANY_FIELD admits every answer of the form.
    `values`: for a field, the only values that a condition may name (campaign codes, tiers); fields that are not in it
    take any value. A value that ends in `*` is never compared with them: it may be meant for codes still to come.
    """

    fields: frozenset[str] = FIELDS
    values: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    _folded: dict[str, frozenset[str]] = field(
        init=False, repr=False, compare=False, default_factory=dict[str, frozenset[str]]
    )

    def __post_init__(self) -> None:
        unknown = (self.fields | self.values.keys()) - FIELDS
        if unknown:
            raise ValueError(f"the condition language has no field {', '.join(sorted(unknown))}")
        # Folded once here: a catalog of thousands of campaigns is then not folded for each rule that names one.
        self._folded.update((name, frozenset(map(fold, values))) for name, values in self.values.items())

    def allows(self, name: str) -> bool:
        """Whether a condition may ask for this field here."""
        if name.startswith("fields."):
            return ANY_FIELD in self.fields and name not in (ANY_FIELD, "fields.")
        return name in self.fields

    def names(self, name: str, value: str) -> bool:
        """Whether the field can have this value, as far as that is known."""
        known = self._folded.get(name)
        return known is None or fold(value) in known


def fold(text: str) -> str:
    """How text is compared: without regard to case and surrounding blanks."""
    return text.strip().casefold()

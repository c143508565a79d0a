"""A scoring model made ready: its conditions compiled, its half-lives in seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import msgspec

from leadway.conditions import FIELDS, Condition, Known, parse

_TOUCH: Final = frozenset({"touch", "asset"})
FIT: Final = Known(fields=FIELDS - _TOUCH - {"score", "tier", "method"})
"""What fit may ask: what the lead is, whatever it does."""
ENGAGEMENT: Final = Known(fields=FIT.fields | _TOUCH)
"""What engagement may ask: the touch too, `campaign` and `tactic` being the touch's own."""
VERDICT: Final = Known(fields=ENGAGEMENT.fields | {"score"})
"""What `qualify` and `disqualify` may ask."""


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points for what a lead is."""

    when: Condition
    points: float
    label: str


@dataclass(frozen=True, slots=True)
class EngagementRule:
    """Points for what the prospect does, halving with each half-life, up to a cap."""

    when: Condition
    points: float
    label: str
    half_life_seconds: float
    points_max: float | None


@dataclass(frozen=True, slots=True)
class VerdictRule:
    """When a lead is qualified (`word`: the label) or disqualified (the reason)."""

    when: Condition
    word: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model in force. `asks_form`: whether any condition asks for an answer of the form, which is personal."""

    version: int
    fit: tuple[FitRule, ...]
    engagement: tuple[EngagementRule, ...]
    qualify: tuple[VerdictRule, ...]
    disqualify: tuple[VerdictRule, ...]
    asks_form: bool

    def fitting(self, values: Mapping[str, object]) -> tuple[FitRule, ...]:
        """The fit rules that a lead meets."""
        return tuple([rule for rule in self.fit if rule.when.matches(values)])

    def engaging(self, values: Mapping[str, object]) -> tuple[EngagementRule, ...]:
        """The engagement rules that a touch meets."""
        return tuple([rule for rule in self.engagement if rule.when.matches(values)])

    def disqualifying(self, values: Mapping[str, object]) -> str | None:
        """The reason for which a lead is left out, if there is one: the first that holds."""
        return _first(self.disqualify, values)

    def qualifying(self, values: Mapping[str, object]) -> str | None:
        """The label of the first qualifying rule that holds."""
        return _first(self.qualify, values)


def compile_model(document: Mapping[str, object], version: int) -> Model:
    """The model behind a document that was checked when it was put. Raises BadCondition where a condition is none."""
    fit = tuple(_fit(line) for line in _lines(document, "fit"))
    engagement = tuple(_engagement(line) for line in _lines(document, "engagement"))
    qualify = tuple(_verdict(line, "label") for line in _lines(document, "qualify"))
    disqualify = tuple(_verdict(line, "reason") for line in _lines(document, "disqualify"))
    return Model(
        version=version,
        fit=fit,
        engagement=engagement,
        qualify=qualify,
        disqualify=disqualify,
        asks_form=any(rule.when.asks_form for rule in (*fit, *engagement, *qualify, *disqualify)),
    )


def half_life_seconds(text: str) -> float:
    """An ISO 8601 duration in seconds. Raises ValueError where it is none, or not longer than zero."""
    try:
        seconds = msgspec.convert(text, timedelta).total_seconds()
    except msgspec.ValidationError:
        seconds = 0.0
    if seconds <= 0:
        raise ValueError("must be an ISO 8601 duration longer than zero, such as P14D")
    return seconds


def _first(rules: Sequence[VerdictRule], values: Mapping[str, object]) -> str | None:
    return next((rule.word for rule in rules if rule.when.matches(values)), None)


def _lines(document: Mapping[str, object], name: str) -> Sequence[Mapping[str, Any]]:
    return cast("Sequence[Mapping[str, Any]]", document.get(name) or ())


def _fit(line: Mapping[str, Any]) -> FitRule:
    return FitRule(when=parse(line["when"], FIT), points=float(line["points"]), label=line["label"])


def _engagement(line: Mapping[str, Any]) -> EngagementRule:
    cap = line.get("max")
    return EngagementRule(
        when=parse(line["when"], ENGAGEMENT),
        points=float(line["points"]),
        label=line["label"],
        half_life_seconds=half_life_seconds(line["half_life"]),
        points_max=None if cap is None else float(cap),
    )


def _verdict(line: Mapping[str, Any], word: str) -> VerdictRule:
    return VerdictRule(when=parse(line["when"], VERDICT), word=line[word])

"""The routing rules: what an admin writes, read whole, and the first of them that a lead matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from leadway.conditions import BadCondition, Condition, Explained, Known, parse
from leadway.decider import InvalidRequest
from leadway.facts.router import Reveal
from leadway.router.policy.eligibility import Partners
from leadway.router.policy.reading import Reader
from leadway.router.policy.steps import STEPS, Reading, Retain, Step, read_queue

RULES_MAX = 500
STEPS_MAX = 20
REVEALS: tuple[Reveal, ...] = ("assigned", "accepted")

EXPLAINED_MAX = 20
_REMEMBERED_MAX = 1000

Account = Literal["follow", "ignore"]


class BadRules(InvalidRequest):
    """The rules name something that is unknown, or do not read as rules."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition and what to do with a lead that it fits, step after step."""

    name: str
    when: Condition
    steps: tuple[Step, ...]
    reveal: Reveal = "assigned"
    fields: tuple[str, ...] = ()  # what the condition asks for
    asks_form: bool = False
    _explained: dict[tuple[object, ...], Explained] = field(
        default_factory=dict[tuple[object, ...], Explained], compare=False, repr=False
    )

    def explain(self, values: Mapping[str, object]) -> Explained:
        """Whether the condition holds and if not, why. The same values get the same answer again without being asked.

        A rule about the form is always asked: what people typed is not kept.
        """
        if self.asks_form:
            return self.when.explain(values)
        key = tuple([values.get(name) for name in self.fields])
        explained = self._explained.get(key)
        if explained is None:
            if len(self._explained) >= _REMEMBERED_MAX:
                self._explained.clear()
            explained = self._explained[key] = self.when.explain(values)
        return explained


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force, ready to be asked."""

    version: int
    account: Account
    rules: tuple[Rule, ...]
    otherwise: str  # a queue
    asks_form: bool = False  # whether a condition asks for a field of the form, which is personal data

    def named(self, name: str | None) -> int | None:
        """The place of a rule."""
        return next((i for i, rule in enumerate(self.rules) if rule.name == name), None)

    def rotations(self) -> tuple[str, ...]:
        """The keys of every rotation that these rules may turn."""
        return tuple(key for rule in self.rules for step in rule.steps for key in step.rotations())


@dataclass(frozen=True, slots=True)
class Matched:
    """The rule that a lead fits, and which leaves kept it from each one before."""

    index: int | None = None
    rule: Rule | None = None
    not_matched: Mapping[str, tuple[str, ...]] | None = None


def first_match(rules: Rules, values: Mapping[str, object]) -> Matched:
    """The first rule whose condition holds for `values`; why they do not fit is said of the first EXPLAINED_MAX."""
    not_matched: dict[str, tuple[str, ...]] = {}
    for index, rule in enumerate(rules.rules):
        if index >= EXPLAINED_MAX:
            if rule.when.matches(values):
                return Matched(index, rule, not_matched)
            continue
        explained = rule.explain(values)
        if explained.matched:
            return Matched(index, rule, not_matched)
        not_matched[rule.name] = explained.failed
    return Matched(not_matched=not_matched)


def read_rules(
    document: object, *, partners: Partners, known: Known, knows_partner: Callable[[str], bool], version: int = 0
) -> Rules:
    """The rules that a document says. Raises BadRules with every fault in it, each with its pointer."""
    reader = Reader(document)
    fields = reader.fields(required=("rules", "otherwise"), optional=("account",))
    account = cast("Account", fields["account"].one_of(("follow", "ignore"))) if "account" in fields else "follow"
    rules: list[Rule] = []
    names: set[str] = set()
    for item in fields["rules"].items(count_max=RULES_MAX) if "rules" in fields else ():
        rule = _read_rule(item, partners, known, knows_partner)
        if rule.name and rule.name in names:
            item.at("name", rule.name).fault("another rule has this name already")
        names.add(rule.name)
        rules.append(rule)
    otherwise = _read_otherwise(fields["otherwise"]) if "otherwise" in fields else ""
    if reader.faults:
        raise BadRules("The rules were not taken over.", reader.faults)
    asks_form = any(rule.asks_form for rule in rules)
    return Rules(version, account, tuple(rules), otherwise, asks_form)


def _read_rule(document: Reader, partners: Partners, known: Known, knows_partner: Callable[[str], bool]) -> Rule:
    fields = document.fields(required=("name", "then"), optional=("when", "reveal"))
    name = fields["name"].name() if "name" in fields else ""
    when = _read_when(fields.get("when") or document.at("when", {}), known)
    steps: list[Step] = []
    for index, item in enumerate(fields["then"].items(count_max=STEPS_MAX, least=1) if "then" in fields else ()):
        if steps and isinstance(steps[-1], Retain):
            item.fault("is never reached: the step before it keeps the lead")
        step = _read_step(item, Reading(partners, name, index, knows_partner))
        if step is not None:
            steps.append(step)
    reveal = cast("Reveal", fields["reveal"].one_of(REVEALS)) if "reveal" in fields else "assigned"
    return Rule(name, when, tuple(steps), reveal, tuple(sorted(when.fields())), when.asks_form)


def _read_when(document: Reader, known: Known) -> Condition:
    try:
        return parse(document.value, known, pointer=document.pointer)
    except BadCondition as bad:
        document.faults.extend(bad.errors)
        return parse({})


def _read_step(document: Reader, reading: Reading) -> Step | None:
    before = len(document.faults)
    fields = document.fields(optional=tuple(STEPS))
    if len(fields) == 1:
        kind, inside = next(iter(fields.items()))
        return STEPS[kind](inside, reading)
    if len(document.faults) == before:
        document.fault(f"exactly one of {', '.join(STEPS)} was expected")
    return None


def _read_otherwise(document: Reader) -> str:
    fields = document.fields(required=("retain",))
    return read_queue(fields["retain"]) if "retain" in fields else ""

"""What a lead is worth: one score, said anew at each touch, and at most one word that it is ready for a partner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from leadway.decider import Decider
from leadway.facts.scoring import Contribution, LeadDisqualified, LeadQualified, LeadScored
from leadway.scoring.policy import Model, Tally, compact, tally

SCORED_FACTS_KEPT: Final = 32

# Commands


@dataclass(frozen=True, slots=True)
class Score:
    """Score a lead, because of a touch.

    `lead`: what is known of it, as the condition language's values; `touch`: those of this touch, whose campaign is its
    own. `occurred_at`: from when on its points halve; `at`: now.
    """

    lead_id: str
    fact_id: str
    occurred_at: datetime
    at: datetime
    model: Model
    lead: Mapping[str, object]
    touch: Mapping[str, object]


Command = Score
ScoringFact = LeadScored | LeadQualified | LeadDisqualified

# State


class Standing(msgspec.Struct, frozen=True):
    """The score as last said, and what a later one goes on from."""

    score: float
    as_of: datetime
    model_version: int
    contributions: tuple[Contribution, ...]
    scored_facts: tuple[str, ...]  # the newest ones that led to a score


class Unscored(msgspec.Struct, frozen=True, tag=True):
    """Nothing was heard of the lead yet."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Scored, and neither ready nor left out."""

    standing: Standing


class Qualified(msgspec.Struct, frozen=True, tag=True):
    """Said to be ready for a partner, for good; its score goes on."""

    standing: Standing


class Disqualified(msgspec.Struct, frozen=True, tag=True):
    """Left out for a reason, until a touch shows that it no longer holds."""

    standing: Standing
    reason: str


State = Unscored | Open | Qualified | Disqualified


def evolve(state: State, fact: ScoringFact) -> State:
    """The state after an own fact."""
    match fact:
        case LeadScored():
            return _scored(state, fact)
        case LeadQualified():
            return state if isinstance(state, Unscored) else Qualified(state.standing)
        case LeadDisqualified():
            return state if isinstance(state, Unscored) else Disqualified(state.standing, fact.reason)


def _scored(state: State, fact: LeadScored) -> State:
    earlier = () if isinstance(state, Unscored) else state.standing.scored_facts
    standing = Standing(
        score=fact.score,
        as_of=fact.as_of,
        model_version=fact.model_version,
        contributions=fact.contributions,
        scored_facts=(*earlier, fact.scored_fact)[-SCORED_FACTS_KEPT:],
    )
    return Open(standing) if isinstance(state, Unscored) else msgspec.structs.replace(state, standing=standing)


def decide(command: Command, state: State) -> Sequence[ScoringFact]:
    """A touch is scored once: () where it was scored already."""
    standing = None if isinstance(state, Unscored) else state.standing
    if standing is not None and command.fact_id in standing.scored_facts:
        return ()
    scored = _score(command, standing)
    verdict = _verdict(command, state, scored)
    return (scored,) if verdict is None else (scored, verdict)


def _score(command: Score, standing: Standing | None) -> LeadScored:
    # A clock that was set back takes no time from the decay that was already said.
    as_of = command.at if standing is None else max(command.at, standing.as_of)
    engagement = [] if standing is None else [each for each in standing.contributions if each.occurred_at is not None]
    engagement += _earned(command, as_of)
    contributions = (*_fit(command), *compact(engagement, as_of))
    sums: Tally = tally(contributions, as_of)
    return LeadScored(
        lead_id=command.lead_id,
        score=sums.score,
        fit=sums.fit,
        engagement=sums.engagement,
        as_of=as_of,
        model_version=command.model.version,
        contributions=contributions,
        scored_fact=command.fact_id,
    )


def _fit(command: Score) -> list[Contribution]:
    """Fit is reckoned anew each time, by the model in force; only engagement is carried on."""
    return [
        Contribution(label=rule.label, points=rule.points, from_fact=command.fact_id)
        for rule in command.model.fitting(command.lead)
    ]


def _earned(command: Score, as_of: datetime) -> list[Contribution]:
    return [
        Contribution(
            label=rule.label,
            points=rule.points,
            from_fact=command.fact_id,
            # What claims to come from the future came just now: points never wait to halve.
            occurred_at=min(command.occurred_at, as_of),
            half_life_seconds=rule.half_life_seconds,
            points_max=rule.points_max,
        )
        for rule in command.model.engaging(command.touch)
    ]


def _verdict(command: Score, state: State, scored: LeadScored) -> LeadQualified | LeadDisqualified | None:
    if isinstance(state, Qualified):
        return None
    values = {**command.lead, **command.touch, "score": scored.score}
    reason = command.model.disqualifying(values)
    if reason is not None:
        return None if isinstance(state, Disqualified) and state.reason == reason else _left_out(scored, reason)
    label = command.model.qualifying(values)
    if label is None:
        return None
    return LeadQualified(lead_id=scored.lead_id, score=scored.score, model_version=scored.model_version, label=label)


def _left_out(scored: LeadScored, reason: str) -> LeadDisqualified:
    return LeadDisqualified(
        lead_id=scored.lead_id, score=scored.score, model_version=scored.model_version, reason=reason
    )


DECIDER: Final[Decider[Command, State, ScoringFact]] = Decider(initial=Unscored(), decide=decide, evolve=evolve)

"""Scoring's arithmetic: what a model makes of a lead, and what points are worth as time goes by. Pure."""

from leadway.scoring.policy.defaults import DEFAULT_DOCUMENT
from leadway.scoring.policy.model import (
    ENGAGEMENT,
    FIT,
    VERDICT,
    Model,
    compile_model,
    half_life_seconds,
)
from leadway.scoring.policy.points import ENGAGEMENT_KEPT, Tally, compact, current, tally, worth

__all__ = [
    "DEFAULT_DOCUMENT",
    "ENGAGEMENT",
    "ENGAGEMENT_KEPT",
    "FIT",
    "VERDICT",
    "Model",
    "Tally",
    "compact",
    "compile_model",
    "current",
    "half_life_seconds",
    "tally",
    "worth",
]

"""What scoring keeps and gathers.

state: a lead's standing, the fold of own facts. mirror: what the lead is, the fold of its captures and touches. No
shared rows, no views and no kept tables of its own: a lead's score is read whole, and reckoned anew as of now.
"""

from __future__ import annotations

from typing import Final

from leadway.facts import Envelope
from leadway.facts.scoring import ModelChanged
from leadway.profile import Profile, campaign_values, form_fields, learn, profile_values
from leadway.scoring.decider import Score
from leadway.scoring.policy import DEFAULT_DOCUMENT, Model, compile_model
from leadway.scoring.translate import ScoreTouch
from leadway.stage import Around, Catalogs, Gathering, Mirror

MODEL_ID: Final = "model"


def reflect(profile: Profile, envelope: Envelope) -> Profile:
    """The lead after a capture or a touch."""
    return learn(profile, envelope.data)


def model_in_force(catalogs: Catalogs) -> Model:
    """The model as put, or the built-in one (version 0); compiled once for each version."""
    return catalogs.memo("scoring: model", _compiled)


def _compiled(catalogs: Catalogs) -> Model:
    put = catalogs.get(ModelChanged, MODEL_ID)
    return compile_model(DEFAULT_DOCUMENT, 0) if put is None else compile_model(put.document, put.version)


def complete(command: ScoreTouch, around: Around) -> tuple[str, Score]:
    """Gather the model in force, what the lead is, and what this touch is."""
    model = model_in_force(around.catalogs)
    profile: Profile = around.mirror
    lead = profile_values(profile, around.catalogs)
    if model.asks_form:
        lead.update(form_fields(profile))
    touch = {name: value for name, value in lead.items() if name not in ("campaign", "tactic")}
    touch["touch"] = command.touch.kind
    if command.touch.asset is not None:
        touch["asset"] = command.touch.asset
    touch.update(campaign_values(command.touch.campaign, around.catalogs))
    return around.subject, Score(
        lead_id=around.subject,
        fact_id=command.fact_id,
        occurred_at=command.touch.occurred_at,
        at=around.now,
        model=model,
        lead=lead,
        touch=touch,
    )


MIRROR: Final = Mirror(initial=Profile(), reflect=reflect, type=Profile)
GATHERING: Final = Gathering(complete=complete)

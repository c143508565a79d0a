"""Scoring, put together."""

from __future__ import annotations

from importlib.metadata import version

from leadway.clock import SystemClock
from leadway.facts.scoring import ModelChanged
from leadway.scoring.api import routes
from leadway.scoring.decider import DECIDER, State
from leadway.scoring.store import GATHERING, MIRROR
from leadway.scoring.translate import FOREIGN, awaits, translate
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

STAGE = Stage(
    service="scoring",
    leads=DECIDER,
    state_type=State,
    catalogs=(ModelChanged,),
    foreign=FOREIGN,
    translate=translate,
    mirror=MIRROR,
    gathering=GATHERING,
    awaits=awaits,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """Scoring's app on a running stage."""
    app = create_app(
        service="scoring",
        prefix="scoring",
        title="Leadway scoring",
        version=version("leadway-scoring"),
        routers=[routes(runtime, SystemClock())],
        tokens=host.tokens,
        description="What a lead is worth, by its fit and its engagement, and whether it is ready for a partner.",
    )
    return Built(app)


SERVICE = Service(name="scoring", package="leadway.scoring", stage=STAGE, build=build)

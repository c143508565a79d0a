"""Dealreg, put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from leadway.dealreg.api import routes
from leadway.dealreg.decider import DEALREG, State
from leadway.dealreg.store import GATHERING, MIRROR, SHARED, VIEWS
from leadway.dealreg.translate import FOREIGN, translate
from leadway.facts.dealreg import ContactMissed, ProtectionChanged, StagesChanged
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

# Nobody waits for what dealreg reads, but for its answer to a deadline: it may gather a little.
GATHER_SECONDS: Final = 0.05

STAGE: Final = Stage(
    service="dealreg",
    leads=DEALREG,
    state_type=State,
    catalogs=(StagesChanged, ProtectionChanged),
    foreign=FOREIGN,
    translate=translate,
    mirror=MIRROR,
    gathering=GATHERING,
    shared=SHARED,
    views=VIEWS,
    time_of=lambda fact: fact.due_at if isinstance(fact, ContactMissed) else None,
    gather_seconds=GATHER_SECONDS,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """Dealreg's app on a running stage."""
    app = create_app(
        service="dealreg",
        prefix="dealreg",
        title="Leadway dealreg",
        version=version("leadway-dealreg"),
        routers=routes(runtime),
        tokens=host.tokens,
        description="The work on a lead, the deals that come of it, and what they are worth.",
    )
    return Built(app)


SERVICE: Final = Service(name="dealreg", package="leadway.dealreg", stage=STAGE, build=build)

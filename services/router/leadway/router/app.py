"""The router, put together."""

from __future__ import annotations

from importlib.metadata import version

from leadway.facts.router import AcceptanceMissed, ClaimMissed, PartnerChanged, RulesChanged
from leadway.router.api import routes
from leadway.router.decider import DECIDER, State
from leadway.router.store import GATHERING, MIRROR, SHARED, VIEWS
from leadway.router.translate import FOREIGN, WAKING, translate
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

STAGE = Stage(
    service="router",
    leads=DECIDER,
    state_type=State,
    catalogs=(PartnerChanged, RulesChanged),
    foreign=FOREIGN,
    translate=translate,
    mirror=MIRROR,
    gathering=GATHERING,
    shared=SHARED,
    views=VIEWS,
    time_of=lambda fact: fact.due_at if isinstance(fact, AcceptanceMissed | ClaimMissed) else None,
    waking=lambda _: WAKING,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """The router's app on a running stage."""
    app = create_app(
        service="router",
        prefix="router",
        title="Leadway router",
        version=version("leadway-router"),
        routers=[routes(runtime)],
        tokens=host.tokens,
        description="Who works on a lead: partners, rules, pools, assignments.",
    )
    return Built(app)


SERVICE = Service(name="router", package="leadway.router", stage=STAGE, build=build)

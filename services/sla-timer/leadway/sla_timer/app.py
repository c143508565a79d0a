"""sla-timer, put together."""

from __future__ import annotations

from importlib.metadata import version

from leadway.facts.sla_timer import PoliciesChanged
from leadway.sla_timer.api import routes
from leadway.sla_timer.decider import DECIDER, Clocks
from leadway.sla_timer.policy import WallClock
from leadway.sla_timer.store import MIRROR, gathering, on_timer, time_of, timers
from leadway.sla_timer.translate import FOREIGN, awaits, translate
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

STAGE = Stage(
    service="sla-timer",
    leads=DECIDER,
    state_type=Clocks,
    catalogs=(PoliciesChanged,),
    foreign=FOREIGN,
    translate=translate,
    mirror=MIRROR,
    gathering=gathering(WallClock()),
    timers=timers,
    on_timer=on_timer,
    time_of=time_of,
    awaits=awaits,
    gather_seconds=0.05,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """sla-timer's app on a running stage."""
    app = create_app(
        service="sla-timer",
        prefix="sla-timer",
        title="Leadway sla-timer",
        version=version("leadway-sla-timer"),
        routers=[routes(runtime)],
        tokens=host.tokens,
        description="Deadlines of holds and pools: what runs, what was met, what was missed.",
    )
    return Built(app)


SERVICE = Service(name="sla-timer", package="leadway.sla_timer", stage=STAGE, build=build)

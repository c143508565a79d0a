"""Delivery, put together."""

from __future__ import annotations

import random
from importlib.metadata import version
from typing import Final

from leadway import ids
from leadway.clock import SystemClock
from leadway.delivery.api import routes
from leadway.delivery.decider import DECIDER, State
from leadway.delivery.settings import Settings, read_settings
from leadway.delivery.store import MIRROR, VIEWS, complete, waking
from leadway.delivery.translate import FOREIGN, translate
from leadway.delivery.worker import Worker
from leadway.facts.delivery import EndpointChanged
from leadway.stage import Built, Gathering, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

_SECRETS: Final = "webhook-endpoints"

STAGE: Final = Stage(
    service="delivery",
    leads=DECIDER,
    state_type=State,
    catalogs=(EndpointChanged,),
    foreign=FOREIGN,
    translate=translate,
    mirror=MIRROR,
    gathering=Gathering(complete=complete),
    views=VIEWS,
    waking=waking,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """The app, and the worker beside it."""
    return build_with(host, runtime, read_settings(host.settings))


def build_with(host: ServiceHost, runtime: StageRuntime, settings: Settings) -> Built:
    """As `build`, with these settings."""
    key = host.secret(_SECRETS)
    clock = SystemClock()
    worker = Worker(
        runtime=runtime,
        key=key,
        settings=settings,
        owner=ids.draw("worker", clock.now()),
        clock=clock,
        chance=random.random,
    )
    app = create_app(
        service="delivery",
        prefix="delivery",
        title="Leadway delivery",
        version=version("leadway-delivery"),
        routers=[routes(runtime, key, settings, clock)],
        tokens=host.tokens,
        description="Tells partners' and the vendor's own systems what happened, by signed webhooks.",
    )
    return Built(app=app, background=(worker.run,))


SERVICE: Final = Service(name="delivery", package="leadway.delivery", stage=STAGE, build=build, migrations="migrations")

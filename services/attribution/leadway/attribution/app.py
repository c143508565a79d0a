"""Attribution, put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from leadway.attribution.api import routes
from leadway.attribution.projection import LEAD_FACTS
from leadway.attribution.store import MIRROR, VIEWS
from leadway.facts.ingest import CampaignChanged, CampaignSpendChanged, SourceChanged
from leadway.facts.router import PartnerChanged
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

STAGE: Final = Stage(
    service="attribution",
    foreign=(*LEAD_FACTS, CampaignChanged, CampaignSpendChanged, PartnerChanged, SourceChanged),
    mirror=MIRROR,
    views=VIEWS,
    gather_seconds=0.05,
    keeps_resends=True,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """The app; nothing runs beside it."""
    app = create_app(
        service="attribution",
        prefix="attribution",
        title="Leadway attribution",
        version=version("leadway-attribution"),
        routers=[routes(runtime, host.log)],
        tokens=host.tokens,
        description="The chain from campaign to revenue, and the facts that it is made of.",
    )
    return Built(app=app)


SERVICE: Final = Service(name="attribution", package="leadway.attribution", stage=STAGE, build=build)

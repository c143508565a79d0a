"""Ingest, put together."""

from __future__ import annotations

from importlib.metadata import version

from leadway.clock import SystemClock
from leadway.facts.ingest import CampaignChanged, CampaignSpendChanged, SourceChanged, VocabularyChanged
from leadway.ingest.api import Digests, Submissions, catalog_routes, read_routes, submit_routes
from leadway.ingest.decider import LEADS, State
from leadway.ingest.gather import GATHERING, IDENTITY
from leadway.ingest.policy.emails import normalise_email
from leadway.ingest.store import VIEWS
from leadway.ingest.translate import FOREIGN, translate
from leadway.stage import Built, Service, ServiceHost, Stage, StageRuntime
from leadway.web import create_app

STAGE = Stage(
    service="ingest",
    leads=LEADS,
    state_type=State,
    catalogs=(CampaignChanged, CampaignSpendChanged, SourceChanged, VocabularyChanged),
    foreign=FOREIGN,
    translate=translate,
    gathering=GATHERING,
    identity=IDENTITY,
    views=VIEWS,
    gather_seconds=0.05,
)


def build(host: ServiceHost, runtime: StageRuntime) -> Built:
    """Ingest's app on a running stage."""
    digests = Digests(host.secret("ingest-identity"))
    source_secret = host.secret("source-keys")
    submissions = Submissions(runtime, source_secret, digests, SystemClock())

    def digest_of(email: str) -> str | None:
        normalised = normalise_email(email)
        return digests.email(normalised) if normalised else None

    app = create_app(
        service="ingest",
        prefix="ingest",
        title="Leadway ingest",
        version=version("leadway-ingest"),
        routers=[
            submit_routes(submissions),
            catalog_routes(runtime, source_secret, host.base_url),
            read_routes(runtime, digest_of),
        ],
        tokens=host.tokens,
        shortcuts=[submissions.shortcut],
        description="Captures leads from what marketing tools send, and knows whose they are.",
    )
    return Built(app)


SERVICE = Service(name="ingest", package="leadway.ingest", stage=STAGE, build=build, migrations="migrations")

"""The routes of ingest's catalogs."""

from __future__ import annotations

from fastapi import APIRouter

from leadway.ingest.api._campaigns import book_spend, edit_campaigns, read_campaigns
from leadway.ingest.api._sources import source_routes
from leadway.ingest.api._vocabularies import vocabulary_routes
from leadway.stage import StageRuntime


def catalog_routes(runtime: StageRuntime, source_secret: bytes, base_url: str) -> APIRouter:
    """Campaigns, their spend, sources and vocabularies: what an admin sets up."""
    router = APIRouter(prefix="/ingest/v1", tags=["catalogs"])
    edit_campaigns(router, runtime)
    read_campaigns(router, runtime)
    book_spend(router, runtime)
    source_routes(router, runtime, source_secret, base_url)
    vocabulary_routes(router, runtime)
    return router

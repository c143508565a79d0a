"""HTTP to commands: leads, pools, partners and rules under /router/v1."""

from __future__ import annotations

from fastapi import APIRouter

from leadway.router.api._catalogs import catalog_routes
from leadway.router.api._leads import lead_routes
from leadway.stage import StageRuntime


def routes(runtime: StageRuntime) -> APIRouter:
    """Every route of the router."""
    whole = APIRouter()
    whole.include_router(catalog_routes(runtime))
    whole.include_router(lead_routes(runtime))
    return whole


__all__ = ["routes"]

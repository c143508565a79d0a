"""Dealreg's routes: the work on a lead, deals, and the catalogs that both are decided by."""

from __future__ import annotations

from fastapi import APIRouter

from leadway.dealreg.api._catalogs import catalog_routes
from leadway.dealreg.api._deals import deal_routes
from leadway.dealreg.api._leads import lead_routes
from leadway.stage import StageRuntime


def routes(runtime: StageRuntime) -> tuple[APIRouter, ...]:
    """The routes of a running stage."""
    return lead_routes(runtime), deal_routes(runtime), catalog_routes(runtime)

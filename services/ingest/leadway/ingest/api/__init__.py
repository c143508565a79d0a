"""Ingest over HTTP."""

from leadway.ingest.api._capture import Digests
from leadway.ingest.api._catalogs import catalog_routes
from leadway.ingest.api._reads import read_routes
from leadway.ingest.api._submit import CSV_BYTES_MAX, Submissions
from leadway.ingest.api._submit_docs import submit_routes

__all__ = ["CSV_BYTES_MAX", "Digests", "Submissions", "catalog_routes", "read_routes", "submit_routes"]

"""Every public fact of Leadway: one module for each service that produces them, the envelope and the codec."""

from leadway.facts import dealreg, delivery, ingest, router, scoring, sla_timer
from leadway.facts._fact import (
    CATALOG_EVENTS,
    LEAD_EVENTS,
    TOPICS,
    CatalogFact,
    Fact,
    LeadFact,
    fact_type,
    fact_types,
    wire,
)
from leadway.facts.envelope import Envelope, Undecodable, Unreadable

__all__ = [
    "CATALOG_EVENTS",
    "LEAD_EVENTS",
    "TOPICS",
    "CatalogFact",
    "Envelope",
    "Fact",
    "LeadFact",
    "Undecodable",
    "Unreadable",
    "dealreg",
    "delivery",
    "fact_type",
    "fact_types",
    "ingest",
    "router",
    "scoring",
    "sla_timer",
    "wire",
]

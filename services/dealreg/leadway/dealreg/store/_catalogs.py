"""The catalog entries that dealreg decides by: the pipeline, the protection, and what others' entries say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from leadway.facts.dealreg import ProtectionChanged, StagesChanged
from leadway.facts.ingest import VocabularyChanged
from leadway.facts.router import PartnerChanged
from leadway.facts.terms import Term
from leadway.stage import Catalogs

STAGES_ID: Final = "stages"
PROTECTION_ID: Final = "protection"
# Until an admin puts others (version 0): a plain business-to-business pipeline, and three months of protection.
DEFAULT_STAGES: Final = StagesChanged(
    entity_id=STAGES_ID, stages=("new", "contacted", "qualified", "proposal", "negotiation")
)
DEFAULT_PROTECTION: Final = ProtectionChanged(
    entity_id=PROTECTION_ID, protect_for_seconds=int(timedelta(days=90).total_seconds())
)


def stages(catalogs: Catalogs) -> StagesChanged:
    """The pipeline in force."""
    return catalogs.get(StagesChanged, STAGES_ID) or DEFAULT_STAGES


def protection(catalogs: Catalogs) -> ProtectionChanged:
    """The protection in force."""
    return catalogs.get(ProtectionChanged, PROTECTION_ID) or DEFAULT_PROTECTION


def cam_of(catalogs: Catalogs, partner_id: str | None) -> str | None:
    """The subject of a partner's channel account manager, where it is known."""
    partner = catalogs.get(PartnerChanged, partner_id) if partner_id else None
    return partner.cam if partner else None


def partners_of(catalogs: Catalogs, cam: str) -> list[str]:
    """The partners whose channel account manager this is."""
    return sorted(key for key, partner in catalogs.all(PartnerChanged).items() if partner.cam == cam)


def product_term(catalogs: Catalogs, product: Term | None) -> Term | None:
    """A product as it was said, with the vocabulary's code where an alias is known."""
    if product is None or product.code or not product.said:
        return product
    code = catalogs.memo("dealreg.products", _products).get(product.said.casefold().strip())
    return Term(code=code, said=product.said)


def _products(catalogs: Catalogs) -> Mapping[str, str]:
    vocabulary = catalogs.get(VocabularyChanged, "product")
    entries = vocabulary.entries if vocabulary else ()
    words = ((word, entry.code) for entry in entries for word in (*entry.aliases, entry.label, entry.code))
    return {word.casefold().strip(): code for word, code in words}

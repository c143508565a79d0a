"""Which campaign a touch names, resolved when it is asked: a code that is added later collects its earlier touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leadway.words import code_key


class CampaignCodes:
    """The codes of all campaigns as they stand. `campaigns`: campaign id → its codes."""

    def __init__(self, campaigns: Mapping[str, Iterable[str]]) -> None:
        self._by_code = {code_key(campaign_id): campaign_id for campaign_id in campaigns}
        for campaign_id in sorted(campaigns):
            for code in campaigns[campaign_id]:
                self._by_code.setdefault(code_key(code), campaign_id)

    @property
    def by_code(self) -> Mapping[str, str]:
        """Folded code (or the campaign's own id) → campaign id."""
        return self._by_code

    def resolve(self, said: Iterable[str], campaign_id: str | None = None) -> str | None:
        """The campaign of the first saying that is a code, else the one that was known at capture, else None."""
        for saying in said:
            found = self._by_code.get(code_key(saying))
            if found is not None:
                return found
        return campaign_id

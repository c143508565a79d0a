"""What real tools send, with the names of this run in place of the ones on file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files

FORUM = "radiology-forum"
HEALTH = "health-emea-q4"
HEALTH_CRM = "7015g000000abcdAAA"
SEARCH = "19283746501"
MARTA = "marta.kowalska@szpital-wolski.example"
_DOMAINS = ("szpital-wolski", "bluecreek-credit", "maschinenbau-kern", "clinique-rhone")


@dataclass(frozen=True, slots=True)
class Payloads:
    """The payloads of one run. `mark` sets its people, companies and campaigns apart from those of every other run."""

    mark: str
    google_key: str

    def named(self, name: str) -> str:
        """A campaign's code in this run."""
        return f"{name}-{self.mark}"

    def hubspot(self) -> bytes:
        """A form that was submitted a moment ago."""
        submitted = str(int(datetime.now(UTC).timestamp() * 1000) - 1000)
        return self._text("hubspot-form.json", ("1795305600000", submitted), (HEALTH_CRM, self.named(HEALTH_CRM)))

    def segment(self) -> bytes:
        """A download two days ago."""
        at = (datetime.now(UTC) - timedelta(days=2)).isoformat().replace("+00:00", "Z")
        return self._text("segment-track.json", ("2026-11-21T18:03:11.412Z", at), ("8a7c0e", f"8a7c0e-{self.mark}"))

    def native(self) -> bytes:
        """A badge that was scanned at a booth."""
        return self._text(
            "native.json", ("badge-scan-0417", f"badge-scan-0417-{self.mark}"), (FORUM, self.named(FORUM))
        )

    def google(self) -> bytes:
        """A lead form of an ad."""
        return self._text(
            "google-ads.json",
            ("TeSter-8f3k2p0Zq1", f"TeSter-{self.mark}"),
            (SEARCH, f'"{self.named(SEARCH)}"'),
            ("set-in-the-source", self.google_key),
        )

    def trade_show(self) -> bytes:
        """A spreadsheet: two good rows, a formula, a row without an e-mail."""
        return self._text("trade-show.csv")

    def _text(self, name: str, *changes: tuple[str, str]) -> bytes:
        text = (files("leadway.cli.demo") / "payloads" / name).read_text("utf-8")
        domains = [(f"{domain}.example", f"{domain}-{self.mark}.example") for domain in _DOMAINS]
        for old, new in (*domains, (HEALTH, self.named(HEALTH)), *changes):
            text = text.replace(old, new)
        return text.encode()

"""The kinds of payload: each turns the bytes of one tool into a submission. Pure: no clock, nothing is looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from leadway.facts.ingest import SourceMap
from leadway.ingest.policy.kinds._names import TARGETS, target_named
from leadway.ingest.policy.kinds.csv_file import read_csv
from leadway.ingest.policy.kinds.google_ads import google_key, read_google_ads
from leadway.ingest.policy.kinds.hubspot_form import read_hubspot_form
from leadway.ingest.policy.kinds.native import NativeSubmission, read_native
from leadway.ingest.policy.kinds.segment_track import read_segment_track, touch_kind
from leadway.ingest.policy.submission import Reading

Kind = Literal["native", "hubspot-form", "google-ads", "segment-track"]


def _native(body: bytes, *, received_at: datetime, source_map: SourceMap) -> Reading:
    del source_map  # its names are ours already
    return read_native(body, received_at=received_at)


READERS: Final[Mapping[str, Callable[..., Reading]]] = {
    "native": _native,
    "hubspot-form": read_hubspot_form,
    "google-ads": read_google_ads,
    "segment-track": read_segment_track,
}
"""The kinds that hold one submission in a body; a CSV file holds many and is read by `read_csv`."""

_NO_MAP: Final = SourceMap()


def read(kind: str, body: bytes, *, received_at: datetime, source_map: SourceMap = _NO_MAP) -> Reading:
    """Read the body of one submission. Raises BadPayload (422) and UnreadablePayload (400)."""
    return READERS[kind](body, received_at=received_at, source_map=source_map)


__all__ = [
    "READERS",
    "TARGETS",
    "Kind",
    "NativeSubmission",
    "google_key",
    "read",
    "read_csv",
    "read_google_ads",
    "read_hubspot_form",
    "read_native",
    "read_segment_track",
    "target_named",
    "touch_kind",
]

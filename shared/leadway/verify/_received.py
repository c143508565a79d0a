"""What a receiver of webhooks wrote down: JSON lines, one for each message that it answered.

    {"at": "2026-10-01T08:00:00Z", "endpoint": "end_…", "id": "msg_…", "lead": "lead_…", "type": "lead.assigned",
     "fact": "fact_…", "answered": 204}

`id` is the `webhook-id`; `answered` is the status, null where the connection was cut before there was one.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from leadway.verify._record import BadRecord

_SUCCESS = range(200, 300)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message that reached an endpoint, and how it was answered."""

    at: datetime
    endpoint: str
    id: str
    lead: str
    type: str = ""
    fact: str = ""
    sequence: int | None = None
    answered: int | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver said that it has it."""
        return self.answered in _SUCCESS


_decoder = msgspec.json.Decoder(Received)


def read_received(path: Path) -> list[Received]:
    """All messages in the order of their coming. Raises BadRecord, OSError."""
    found: list[Received] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break  # cut off while it was written
            try:
                found.append(_decoder.decode(line))
            except msgspec.MsgspecError as error:
                raise BadRecord(f"{path.name}, line {number}: {error}") from error
    return found

"""What took effect, according to the log: each sequence once, whatever was sent twice."""

from __future__ import annotations

from leadway.eventlog import EventLog
from leadway.facts import Envelope
from leadway.facts.codec import decode


async def in_effect(log: EventLog, source: str) -> list[Envelope]:
    """A service's facts, each partition's in its order. Fails where a sequence is missing, or stands for two facts."""
    found: list[Envelope] = []
    for partition in sorted(await log.heads()):
        known: list[Envelope] = []
        async for records in log.read(partition, 0):
            for record in records:
                envelope = decode(dict(record.headers), record.value or b"")
                if envelope.source != source:
                    continue
                if envelope.sequence <= len(known):  # sent again: it must be the same fact
                    assert known[envelope.sequence - 1] == envelope, f"two facts under {envelope.sequence}"
                    continue
                assert envelope.sequence == len(known) + 1, f"a gap before {envelope.sequence} of {partition}"
                known.append(envelope)
        found += known
    return found

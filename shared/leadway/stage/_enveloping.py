"""Facts into envelopes: ids that the same input gives again, times that never run backwards within a lead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leadway.facts import Envelope, Fact
from leadway.facts.codec import encode_data
from leadway.ids import derive
from leadway.stage._declare import Stage
from leadway.stage._origin import Origin
from leadway.stage._refusals import Unacceptable
from leadway.stage._rows import SubjectRow

FACT_BYTES_MAX = 700_000
ENVELOPE_BYTES_MAX = 16_000
"""A log's batch must have room for this much beside a fact."""


def enveloped(
    stage: Stage,
    row: SubjectRow,
    fact: Fact,
    origin: Origin,
    *,
    now: datetime,
    earlier: Sequence[Envelope],
    bytes_max: int = FACT_BYTES_MAX,
) -> tuple[Envelope, bytes]:
    """A fact's envelope, not yet numbered, and its data as bytes. `earlier`: of the same command.

    Raises ValueError where two facts of a command cannot be told apart, and Unacceptable where one is too large.
    """
    own = stage.time_of(fact) if stage.time_of else None
    fact_id = derive("fact", origin.at, stage.service, origin.input_id, fact.wire, row.subject, *fact.targets())
    if any(each.id == fact_id for each in earlier):
        message = f"one command gave two {fact.wire} without a target to tell them apart"
        raise ValueError(message)
    value = encode_data(fact)
    if len(value) > bytes_max:
        raise Unacceptable(f"a {fact.wire} would be {len(value)} bytes long; a fact has at most {bytes_max}")
    envelope = Envelope(
        id=fact_id,
        type=fact.wire,
        source=stage.service,
        subject=row.subject,
        time=own or max(now, origin.at, row.last_at or origin.at),
        sequence=0,
        cause=origin.input_id,
        correlation=origin.correlation or row.correlation or (earlier[0].id if earlier else fact_id),
        actor=origin.actor,
        traceparent=origin.traceparent,
        data=fact,
    )
    return envelope, value

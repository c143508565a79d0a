"""What the runtime itself may refuse, and how it stops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leadway.decider import Refusal


class Overloaded(Refusal):
    """The service has more work than it can promise to do.

    Nothing was stored. Send the same request again after the seconds that Retry-After names.
    """

    slug = "overloaded"
    status = 503
    retry_after_seconds = 1


class Unavailable(Refusal):
    """This service cannot answer at the moment.

    Its database or the log cannot be reached. Nothing was done. Wait as long as `Retry-After` says and send the
    request again.
    """

    slug = "unavailable"
    status = 503
    retry_after_seconds = 2


class Lagging(Refusal):
    """This service has not yet read what the answer depends on.

    Another service's facts are still on their way. Send the same request again after Retry-After.
    """

    slug = "lagging"
    status = 503
    retry_after_seconds = 1


class OutcomeUnknown(Refusal):
    """The database did not say in time whether the request took effect.

    Send it again with the same Idempotency-Key: it takes effect once, and the answer is then the same.
    """

    slug = "outcome-unknown"
    status = 503
    retry_after_seconds = 2


class LeadParked(Refusal):
    """A fact about this lead could not be handled and waits for a person.

    An operator sees it with `leadway parked list` and releases it; until then the lead takes no commands.
    """

    slug = "lead-parked"
    status = 503
    retry_after_seconds = 60


class IdempotencyKeyReused(Refusal):
    """The Idempotency-Key was used before with another body.

    A key names one request: use a new key for a new request.
    """

    slug = "idempotency-key-reused"
    status = 422


class Unacceptable(Refusal):
    """The database cannot hold a value of this request.

    A value is of a size or a form that no column takes; the detail names what the database said.
    """

    slug = "unacceptable-value"
    status = 422


class Stopped(Exception):
    """The service found that its database and the log do not belong together; a person must decide."""


class KeysMissing(Exception):
    """A decision touched rows that were not locked: the batch is tried again with them."""

    def __init__(
        self,
        *,
        shared: frozenset[str] = frozenset(),
        identity: frozenset[str] = frozenset(),
        subjects: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(f"not locked: {sorted(shared | identity | subjects)[:5]}")
        self.shared = shared
        self.identity = identity
        self.subjects = subjects

    @classmethod
    def of(cls, all_of: Sequence[KeysMissing]) -> KeysMissing:
        """What several inputs of a batch missed."""
        return cls(
            shared=frozenset(key for each in all_of for key in each.shared),
            identity=frozenset(key for each in all_of for key in each.identity),
            subjects=frozenset(subject for each in all_of for subject in each.subjects),
        )


class ServerChanged(Exception):
    """The database server is another one than that which was checked against the log: it was started again since."""

    def __init__(self, started_at: datetime) -> None:
        super().__init__(f"the database server started at {started_at.isoformat()}")
        self.started_at = started_at


class Fenced(Exception):
    """Another instance moved on with these partitions: forget what was read of them."""

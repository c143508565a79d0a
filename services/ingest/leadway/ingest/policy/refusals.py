"""What the sender of a payload is told when it cannot be taken."""

from __future__ import annotations

from leadway.decider import InvalidRequest, Refusal


class BadPayload(InvalidRequest):
    """The payload has not the shape of its kind; `errors` names every fault in it."""


class UnreadablePayload(Refusal):
    """The body cannot be read at all.

    It is not JSON (or, for a file, no text with rows). `detail` says where reading it ended. Look at the bytes that
    were sent: one JSON document in UTF-8, or a CSV file in UTF-8, UTF-16 or Windows-1252.
    """

    slug = "unreadable-payload"
    status = 400

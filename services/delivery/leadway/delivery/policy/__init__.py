"""Delivery's own arithmetic: signing, the retry schedule, and which addresses may be dialled."""

from leadway.delivery.policy.addresses import Networks, refusal_of, url_fault
from leadway.delivery.policy.schedule import (
    Answered,
    Delivered,
    EndpointTrouble,
    Gone,
    MessageRefused,
    Retries,
    Unanswered,
    Verdict,
    judge,
    message_delay_seconds,
    pause_seconds,
    retry_after_seconds,
)
from leadway.delivery.policy.signing import endpoint_secret, message_id, show_secret, signature

__all__ = [
    "Answered",
    "Delivered",
    "EndpointTrouble",
    "Gone",
    "MessageRefused",
    "Networks",
    "Retries",
    "Unanswered",
    "Verdict",
    "endpoint_secret",
    "judge",
    "message_delay_seconds",
    "message_id",
    "pause_seconds",
    "refusal_of",
    "retry_after_seconds",
    "show_secret",
    "signature",
    "url_fault",
]

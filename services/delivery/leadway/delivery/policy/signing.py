"""Standard Webhooks: the secret of an endpoint, the id of a message, its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final

from leadway import ids

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 the mark of a secret, not one


def endpoint_secret(deployment_key: bytes, endpoint_id: str, generation: int) -> bytes:
    """The 32 bytes that sign an endpoint's messages: HKDF-SHA256 (RFC 5869) of the deployment's key, never stored.

    `generation` counts the rotations of the secret.
    """
    pseudo_random_key = hmac.digest(b"leadway webhook endpoint", deployment_key, hashlib.sha256)
    # One block of output is exactly the 32 bytes that are wanted.
    return hmac.digest(pseudo_random_key, f"{endpoint_id}:{generation}".encode() + b"\x01", hashlib.sha256)


def show_secret(secret: bytes) -> str:
    """The secret as its owner gets it: `whsec_` and base64."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode()


def message_id(fact_id: str, fact_time: datetime, endpoint_id: str) -> str:
    """The `webhook-id`: the same for every attempt and replay of a fact at an endpoint."""
    return ids.derive("msg", fact_time, fact_id, endpoint_id)


def signature(secret: bytes, webhook_id: str, timestamp_seconds: int, body: bytes) -> str:
    """The `webhook-signature` header: version 1, HMAC-SHA256 over id, timestamp and body."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp_seconds, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()

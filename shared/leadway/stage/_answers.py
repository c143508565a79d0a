"""Answers as they are kept under an Idempotency-Key, and given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from leadway.decider import Fault, Refusal
from leadway.stage._asking import Answer, IdempotencyKey

_encoder = msgspec.json.Encoder()


def key_columns(keys: Sequence[IdempotencyKey]) -> dict[str, list[Any]]:
    """The keys as columns for a set-based statement."""
    return {
        "callers": [key.caller for key in keys],
        "methods": [key.method for key in keys],
        "paths": [key.path for key in keys],
        "keys": [key.key for key in keys],
    }


def encode(answer: Answer | Refusal) -> tuple[int, bytes]:
    """Status and bytes of an answer."""
    if isinstance(answer, Answer):
        return answer.status, _encoder.encode({"body": answer.body, "headers": dict(answer.headers)})
    refused = {
        "slug": answer.slug,
        "detail": answer.detail,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in answer.errors],
        "extra": dict(answer.extra),
    }
    return answer.status, _encoder.encode({"refused": refused})


def decode(status: int, data: bytes) -> Answer | Refusal:
    """What `encode` kept; a refusal comes back as its own class."""
    stored: Mapping[str, Any] = msgspec.json.decode(data)
    refused = stored.get("refused")
    if refused is None:
        return Answer(status=status, body=stored["body"], headers=stored["headers"])
    kind = Refusal.kinds().get(refused["slug"], Refusal)
    faults = [Fault(each["pointer"], each["detail"]) for each in refused["errors"]]
    return kind(refused["detail"], faults, **refused["extra"])

"""The Idempotency-Key header: what makes sending a command again safe."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from fastapi import Request

from leadway.decider import Fault, InvalidRequest
from leadway.stage import IdempotencyKey
from leadway.web._tokens import Caller

KEY_CHARACTERS_MAX: Final = 255
_VISIBLE_ASCII: Final = re.compile(rf"[\x21-\x7e]{{1,{KEY_CHARACTERS_MAX}}}")


def idempotency_key(header: str | None, *, caller: str, method: str, path: str, body: bytes) -> IdempotencyKey | None:
    """The key that `header` names; None without one. Raises InvalidRequest where it cannot be a key."""
    if header is None:
        return None
    if not _VISIBLE_ASCII.fullmatch(header):
        detail = f"must be 1 to {KEY_CHARACTERS_MAX} visible ASCII characters"
        raise InvalidRequest("The idempotency key cannot be used.", [Fault("header:Idempotency-Key", detail)])
    return IdempotencyKey(caller, method, path, header, hashlib.sha256(body).digest())


async def idempotency(request: Request, caller: Caller) -> IdempotencyKey | None:
    """The idempotency key of `request`, asked by `caller`; None where it carries none."""
    return idempotency_key(
        request.headers.get("idempotency-key"),
        caller=caller.actor,
        method=request.method,
        path=request.url.path,
        body=await request.body(),
    )

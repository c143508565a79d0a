"""Reading a body by hand, where a route takes it raw."""

from __future__ import annotations

from fastapi import Request

from leadway.web._problems import BodyTooLarge


async def read_body(request: Request, *, bytes_max: int) -> bytes:
    """The whole body of `request`, refused as soon as more than `bytes_max` came. Raises BodyTooLarge."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise BodyTooLarge(f"Bodies up to {bytes_max} bytes are taken here.", bytes_max=bytes_max)
        chunks.append(chunk)
    return b"".join(chunks)

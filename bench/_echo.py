"""The least that a server can do with a request: read its body, answer 202. Plain ASGI, nothing kept."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

_ANSWER = b'{"lead_id":"lead_01k3zq8v6mf8sbk00000000001","outcome":"captured"}'


async def app(_: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})

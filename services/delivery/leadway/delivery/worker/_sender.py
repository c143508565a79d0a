"""Sending over HTTP, to addresses that were looked at first."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from leadway.delivery.policy import Answered, Networks, Unanswered, refusal_of, retry_after_seconds, url_fault
from leadway.delivery.settings import Limits

_RESOLVE_SECONDS_MAX: Final = 3.0
_CHUNK_BYTES: Final = 16 * 1024


class _AddressRefused(OSError):
    pass


class VettingResolver(AbstractResolver):
    """Resolves a name to addresses that may all be dialled, or not at all: the connector dials what comes from here."""

    def __init__(self, allowed: Networks) -> None:
        self._allowed = allowed
        self._resolver: AbstractResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError where it has none, or one that is refused."""
        self._resolver = self._resolver or aiohttp.ThreadedResolver()
        found = await self._resolver.resolve(host, port, family)
        # One bad address is enough: which of them is dialled is for the attacker's name server to say.
        if any(refusal_of(result["host"], self._allowed) for result in found):
            raise _AddressRefused
        return found

    async def close(self) -> None:
        """Nothing is held open."""


async def check_host(url: str, allowed: Networks) -> str | None:
    """Why a URL's host may not be sent to, as its name resolves now; None where it may, or does not resolve yet."""
    host = urlsplit(url).hostname or ""
    resolver = VettingResolver(allowed)
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS_MAX):
            await resolver.resolve(host, 0, socket.AF_UNSPEC)
    except _AddressRefused:
        return "its name leads to an address that is not public"
    except (OSError, TimeoutError):
        return None
    return None


class Sender:
    """An HTTP client that keeps connections, follows no redirects, uses no proxies, and reads little of an answer."""

    def __init__(self, allowed: Networks, limits: Limits) -> None:
        self._allowed = allowed
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=VettingResolver(self._allowed),
            family=socket.AF_UNSPEC,
            limit=self._limits.in_flight_max,
            ttl_dns_cache=10,
            keepalive_timeout=30,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=self._limits.attempt_seconds_max, sock_connect=self._limits.connect_seconds_max
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered | Unanswered:
        """POST a signed body; what came of it. Never raises for what the other side does."""
        if self._session is None:
            raise RuntimeError("enter the sender first")
        # The settings, and with them what is refused, may be newer than the endpoint.
        if url_fault(url, self._allowed) is not None:
            return Unanswered("address-refused")
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await self._discard(response)
                after = retry_after_seconds(response.headers.get("Retry-After"), datetime.now(UTC))
                return Answered(response.status, after)
        except TimeoutError:
            return Unanswered("timeout")
        except aiohttp.ClientConnectorDNSError as error:
            refused = isinstance(error.os_error, _AddressRefused)
            return Unanswered("address-refused" if refused else "name")
        except aiohttp.ClientSSLError:
            return Unanswered("tls")
        except (aiohttp.ClientError, OSError, ValueError):
            return Unanswered("connection")

    async def _discard(self, response: aiohttp.ClientResponse) -> None:
        """Read a short answer, so that its connection can serve again; leave a long or slow one with it."""
        left = self._limits.answer_bytes_max
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    break
            else:
                return
        response.close()

"""Delivery's settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from leadway.delivery.policy import Networks, Retries

_LOOPBACK: Final = "127.0.0.0/8,::1/128"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of sending."""

    in_flight_max: int = 128
    in_flight_of_endpoint_max: int = 8
    attempt_seconds_max: float = 10.0
    connect_seconds_max: float = 4.0
    answer_bytes_max: int = 64 * 1024
    # An attempt and its record take no longer; what a killed instance had taken waits no longer for the next one.
    lease_seconds: float = 20.0
    poll_seconds: float = 1.0
    housekeeping_seconds: float = 30.0
    gather_seconds: float = 0.002


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set."""

    allowed: Networks = ()
    retries: Retries = field(default_factory=Retries)
    limits: Limits = field(default_factory=Limits)


def read_settings(named: Mapping[str, str]) -> Settings:
    """The settings that a deployment names. Raises ValueError for a network that is none.

    `webhook_loopback` (true unless said otherwise): webhooks may go to this machine, so that the product can be tried
    on one. `webhook_allow`: other networks, separated by commas, that they may go to although they are not public.
    """
    allowed = named.get("webhook_allow", "")
    if named.get("webhook_loopback", "true").lower() in {"1", "true", "yes", "on"}:
        allowed = f"{_LOOPBACK},{allowed}"
    return Settings(allowed=tuple(ipaddress.ip_network(one.strip()) for one in allowed.split(",") if one.strip()))

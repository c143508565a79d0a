"""Delivery's settings, from the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from leadway.delivery.policy import Networks, Retries

ALLOW: Final = "LEADWAY_WEBHOOK_ALLOW"
"""Networks that webhooks may go to although they are not public, separated by commas; empty: none.

Not set, loopback is allowed, for a product that is tried on one machine.
"""
_LOCAL: Final = "127.0.0.0/8,::1/128"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of sending."""

    in_flight_max: int = 128
    in_flight_of_endpoint_max: int = 8
    attempt_seconds_max: float = 10.0
    connect_seconds_max: float = 4.0
    answer_bytes_max: int = 64 * 1024
    lease_seconds: float = 45.0
    poll_seconds: float = 1.0
    housekeeping_seconds: float = 30.0
    gather_seconds: float = 0.002


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set."""

    allowed: Networks = ()
    retries: Retries = field(default_factory=Retries)
    limits: Limits = field(default_factory=Limits)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment names. Raises ValueError for a network that is none."""
    named = environment.get(ALLOW, _LOCAL)
    networks = tuple(ipaddress.ip_network(network.strip()) for network in named.split(",") if network.strip())
    return Settings(allowed=networks)

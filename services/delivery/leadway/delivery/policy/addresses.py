"""Which addresses a webhook may be sent to: public ones, and those that the settings allow.

The standard library's `is_global` lets through translated, multicast and retired ranges, so they are named here.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_URL_CHARACTERS_MAX: Final = 2048
_PORTS: Final = range(1, 65536)

_DENIED: Final[Networks] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b::/96",  # NAT64: reaches any IPv4 address behind the translator
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",  # unique local, with fd00:ec2::254, a cloud's metadata service
        "fe80::/10",
        "fec0::/10",  # site-local, retired
        "ff00::/8",
    )
)


def refusal_of(address: str, allowed: Networks) -> str | None:
    """Why an IP address may not be dialled, in words; None where it may. `allowed` networks come first."""
    try:
        ip: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "it is not an IP address"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip in network for network in allowed if network.version == ip.version):
        return None
    if any(ip in network for network in _DENIED if network.version == ip.version) or not ip.is_global:
        return "it is not a public address"
    return None


def url_fault(url: str, allowed: Networks) -> str | None:
    """What is wrong with an endpoint's URL, as far as it can be seen without resolving its name; None: nothing."""
    if len(url) > _URL_CHARACTERS_MAX or not url.isascii() or any(ord(char) <= ord(" ") for char in url):
        return f"a URL is up to {_URL_CHARACTERS_MAX} printable ASCII characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "it begins with https:// and names a host"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "it carries no user name, no password and no fragment"
    if port is not None and port not in _PORTS:
        return "its port is not one"
    return _host_fault(parts.scheme, parts.hostname, allowed)


def _host_fault(scheme: str, host: str, allowed: Networks) -> str | None:
    local = host == "localhost" or host.endswith(".localhost")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        literal = False
    else:
        literal = True
    if literal and (reason := refusal_of(host, allowed)):
        return reason
    if local and refusal_of("127.0.0.1", allowed):
        return "it is not a public address"
    # Without TLS anybody on the way reads a person's data; only what the settings allow stays on our own network.
    on_own_network = local or (literal and refusal_of(host, ()) is not None)
    if scheme == "http" and not on_own_network:
        return "a public address is reached by https"
    return None

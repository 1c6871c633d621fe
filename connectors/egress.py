"""Which addresses a connector may reach: public unicast ones, and nothing by default.

Judged is the address that a socket is about to connect to, never the text of a URL: there are too many ways
to write 127.0.0.1. Python's own `is_private` and `is_global` miss several ranges, hence the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

REFUSED = "The address is not one that connectors may reach."
"""The one text for every refusal: a different word for each case would map the inner network."""

_SPECIAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host service: a public number that is answered inside
        "169.254.0.0/16",  # link local; cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

_PUBLIC_V6 = IPv6Network("2000::/3")

_SPECIAL_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, AMT, AS112, ORCHID, drone ids
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # returned test network
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What the operator allows beyond public https: networks by address, and plain http."""

    allow: tuple[Network, ...] = ()
    allow_http: bool = False

    @classmethod
    def of(cls, networks: Iterable[str], *, allow_http: bool = False) -> Self:
        """From the settings' texts. ValueError for what is no network, so that a typo stops the start."""
        return cls(allow=tuple(ip_network(text.strip()) for text in networks), allow_http=allow_http)

    def permits(self, address: str | IPv4Address | IPv6Address) -> bool:
        """Whether a socket may be connected to this address; text that is no address is refused.

        An IPv4 address inside an IPv6 one (mapped, compatible, NAT64) is refused unless that very IPv6
        network is allowed: nothing on the public internet needs it.
        """
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return False
        return any(ip in network for network in self.allow) or is_public(ip)


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in network for network in _SPECIAL_V4)
    return ip in _PUBLIC_V6 and not any(ip in network for network in _SPECIAL_V6)

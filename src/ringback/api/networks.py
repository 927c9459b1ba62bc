"""The networks from which a key is taken."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ringback.api.fields import Field
from ringback.errors import Invalid

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_NETWORKS = 50
_RIGHT = "['203.0.113.0/24', '2001:db8::/32']"


def networks() -> Field:
    """A list of networks; null is everywhere. An empty list would be a key that nobody can use."""

    def read(raw: Any, name: str) -> tuple[str, ...]:
        if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_NETWORKS:
            raise Invalid([f"{name} must be a list of 1 to {MOST_NETWORKS} networks, such as {_RIGHT}, or null"])
        return tuple(_network(one, f"{name}[{at}]") for at, one in enumerate(raw))

    items = {"type": "string", "examples": ["203.0.113.0/24"]}
    schema = {"type": "array", "minItems": 1, "maxItems": MOST_NETWORKS, "items": items}
    return Field(read, schema, null=None)


def _network(raw: Any, name: str) -> str:
    try:
        if not isinstance(raw, str):
            raise ValueError("it is no text")
        return str(ipaddress.ip_network(raw))
    except ValueError as wrong:
        raise Invalid([f"{name} must be a network such as '203.0.113.0/24', or an address: {wrong}"]) from None


def caller_address(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> str | None:
    """Who asks: whoever is connected, or, where that is a proxy that is trusted, who is connected to that one.

    A proxy adds to what it was sent, so what stands before the last address that is no trusted proxy's may be made up.

    Args:
        peer: the address of whoever is connected; None where it is not known.
        forwarded: the values of the X-Forwarded-For headers, in their order.
        proxies: the networks of those that are trusted.
    """
    told = [part.strip() for value in forwarded for part in value.split(",")]
    address = peer
    while told and is_within(address, proxies):
        address = told.pop()
    return address


def is_within(address: str | None, among: Iterable[Network]) -> bool:
    """Whether an address is of one of some networks; one that is not known, or is none, is of no network.

    An IPv4 address that came over an IPv6 socket is the IPv4 address (RFC 4291, section 2.5.5.2).
    """
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    known = mapped or found
    return any(known.version == net.version and known in net for net in among)

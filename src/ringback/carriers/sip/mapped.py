"""What tells the SIP stack how its media are seen from outside: a STUN server of its own, on loopback.

The stack asks a STUN server from each port that it takes for media, and announces what that says. This one says the
trunk's `media_address` and the very port: the view of a machine behind a 1:1 NAT (RFC 8489).
"""

import asyncio
import struct
from ipaddress import IPv4Address
from typing import cast

HEADER = struct.Struct("!HHI12s")
"""Type, length, magic cookie and transaction (RFC 8489, section 5)."""

COOKIE = 0x2112A442
BINDING, BOUND = 0x0001, 0x0101
"""The request, and the success response to it (RFC 8489, sections 3 and 5)."""

XOR_MAPPED_ADDRESS = 0x0020
IPV4 = 0x01
"""RFC 8489, section 14.2."""


def told(asked: bytes, seen_as: IPv4Address, port: int) -> bytes | None:
    """The answer to a binding request; None for what is none.

    Args:
        asked: what came.
        seen_as: the address to tell.
        port: from which it came, which is the port to tell.
    """
    if len(asked) < HEADER.size:
        return None
    kind, length, cookie, transaction = HEADER.unpack_from(asked)
    if kind != BINDING or cookie != COOKIE or length != len(asked) - HEADER.size:
        return None
    mapped = struct.pack("!xBHI", IPV4, port ^ COOKIE >> 16, int(seen_as) ^ COOKIE)
    attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    return HEADER.pack(BOUND, len(attribute), COOKIE, transaction) + attribute


class _Mirror(asyncio.DatagramProtocol):
    """The server's end.

    Args:
        seen_as: the address to tell.
    """

    def __init__(self, seen_as: IPv4Address) -> None:
        self._seen_as = seen_as
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        answer = told(data, self._seen_as, addr[1])
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


async def mirror(seen_as: str) -> tuple[asyncio.DatagramTransport, int]:
    """Serve on loopback until the transport is closed; returns it, and the port.

    Args:
        seen_as: the IPv4 address to tell.

    Raises:
        OSError: there is no port.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Mirror(IPv4Address(seen_as)), local_addr=("127.0.0.1", 0)
    )
    return transport, int(transport.get_extra_info("sockname")[1])

"""Which addresses may be asked: public ones, and those of networks that the operator allows."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import httpcore

from ringback.config import CHECK_NETWORKS
from ringback.errors import OurError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOKUPS = 16
"""Names that are looked up at a time; of one name there is one look-up, however many ask."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddress(OurError):
    """Every address of a name is private, of this machine, or otherwise none of the public network."""


def parse_networks(text: str | None, variable: str = CHECK_NETWORKS) -> tuple[Network, ...]:
    """Networks from their written form, separated by commas.

    Args:
        text: None is none.
        variable: of the environment, in which they are.

    Raises:
        OurError: one of them is none; with a right example.
    """
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in (text or "").split(",") if part.strip())
    except ValueError as wrong:
        raise OurError(f"{variable} must be networks such as 10.0.0.0/8,fd00::/8: {wrong}") from None


def may_ask(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether an address is a public one, or of a network that is allowed."""
    inner = _inner(address)
    if any(one.version == net.version and one in net for one in (address, inner) for net in allowed):
        return True
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def literal(host: str) -> Address | None:
    """The address that a host is, None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be asked, and to no others, whatever a name resolves to at that moment.

    Args:
        allowed: networks besides the public one.
    """

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = tuple(allowed)
        self._plain = httpcore.AnyIOBackend()
        self._threads = ThreadPoolExecutor(LOOKUPS, "look-up")
        self._lookups: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the name's addresses that may be asked and answers.

        Raises:
            ForbiddenAddress: none of them may be.
            httpcore.ConnectError: there is none, or none answers.
        """
        addresses = [one for one in await self._addresses(host, port) if may_ask(one, self._allowed)]
        if not addresses:
            raise ForbiddenAddress("its name has no public address")
        for last, address in enumerate(addresses, 1):
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                if last == len(addresses):
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Let go of the threads; a look-up that hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, host: str, port: int) -> None:
        self._lookups.pop((host, port), None)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Those of a name. A look-up cannot be broken off: who gives up waiting leaves it to the others."""
        known = literal(host)
        if known is not None:
            return [known]
        running = self._lookups.get((host, port))
        if running is None:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
            self._lookups[host, port] = running
            running.add_done_callback(lambda _: self._forget(host, port))
        try:
            return list(await asyncio.shield(running))
        except (OSError, UnicodeError) as failed:  # the latter for what can be no name at all
            raise httpcore.ConnectError(str(failed)) from failed


def _look_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found))


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address

"""Which addresses a workspace's server may have."""

import asyncio
import ipaddress

import httpcore
import pytest

from ringback.checking import network
from ringback.checking.network import ForbiddenAddress, GuardedNetwork, literal, may_ask, parse_networks
from ringback.errors import OurError

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  # refused
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", PRIVATE)
def test_no_other_address_than_a_public_one_may_be_asked(text):
    """Of this machine, of its neighbours, of a cloud's metadata, or such a one inside another; unless it is allowed."""
    address = ipaddress.ip_address(text)
    assert not may_ask(address, ())
    assert may_ask(address, parse_networks(f"{address}/{address.max_prefixlen}"))
    assert not may_ask(address, parse_networks("203.0.113.0/24,2001:db8::/32"))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_asked(text):
    """In either form."""
    assert may_ask(ipaddress.ip_address(text), ())


def test_networks_are_read():
    """None, one or several; what is none is told."""
    assert parse_networks(None) == parse_networks(" ") == ()
    assert parse_networks("10.0.0.0/8, fd00::/8") == (
        ipaddress.IPv4Network("10.0.0.0/8"),
        ipaddress.IPv6Network("fd00::/8"),
    )
    with pytest.raises(OurError, match=r"RINGBACK_CHECK_NETWORKS must be networks such as 10\.0\.0\.0/8,fd00::/8: "):
        parse_networks("localhost")


def test_a_host_is_an_address_or_a_name():
    """Brackets belong to the URL."""
    assert literal("127.0.0.1") == ipaddress.IPv4Address("127.0.0.1")
    assert literal("[::1]") == literal("::1") == ipaddress.IPv6Address("::1")
    assert literal("example.com") is None


async def test_a_name_is_judged_by_where_it_leads_now(monkeypatch):
    """However it was judged before; of many that ask for one name at a time, one look-up is made."""
    leads_to, lookups = ["192.168.1.1", "169.254.169.254"], []

    def look_up(host, port):
        lookups.append(host)
        return [ipaddress.ip_address(text) for text in leads_to]

    monkeypatch.setattr(network, "_look_up", look_up)
    guarded = GuardedNetwork(parse_networks("127.0.0.0/8"))
    refused = await asyncio.gather(*(guarded.connect_tcp("a", 443) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in refused] == [ForbiddenAddress] * 5
    assert lookups == ["a"]
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    leads_to[:] = ["10.0.0.1", "127.0.0.1"]
    stream = await guarded.connect_tcp("a", listening.sockets[0].getsockname()[1])
    await stream.aclose()
    assert lookups == ["a", "a"]
    listening.close()
    guarded.close()


async def test_a_name_that_nobody_knows_cannot_be_asked(monkeypatch):
    """As a connection that is refused."""

    def look_up(host, port):
        raise OSError("no such name")

    monkeypatch.setattr(network, "_look_up", look_up)
    guarded = GuardedNetwork(())
    with pytest.raises(httpcore.ConnectError, match="no such name"):
        await guarded.connect_tcp("a", 443)
    guarded.close()

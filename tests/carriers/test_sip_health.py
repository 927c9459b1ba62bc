import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest
from tests.chaos.patience import eventually
from tests.sip.sockets import HOST, answer, certificate, tcp, udp

from ringback.carriers.sip import health
from ringback.carriers.sip.health import Health, peer_of, way_to, why_silent
from ringback.carriers.sip.message import first, headers_of, start_of
from ringback.carriers.sip.settings import parse_settings

ENOUGH_SEC = 30.0


def trunk(port=None, **more):
    """Settings of a trunk here."""
    return parse_settings({"host": HOST, "port": port, "from_number": "+14155550100", **more})


@pytest.fixture
def impatient(monkeypatch):
    """Answers are waited for, and looks repeated, in a fraction of the time."""
    monkeypatch.setattr(health, "ANSWER_SEC", 0.05)
    monkeypatch.setattr(health, "DOWN_SEC", 0.05)


@asynccontextmanager
async def kept(settings):
    """The health of a trunk, looked after meanwhile."""
    looked_at = Health(settings)
    keeping = asyncio.create_task(looked_at.keep())
    yield looked_at
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


class Moody:
    """Answers while it is up."""

    def __init__(self) -> None:
        self.up = True

    def __call__(self, text: str) -> list[str]:
        """What it says."""
        return [answer(text)] if self.up else []


async def test_a_trunk_that_answers_is_up():
    """Once it has; before that it is not known, and nothing is dialled over it."""
    async with udp(lambda text: [answer(text, "404 Not Found")]) as far:
        async with kept(trunk(far.port)) as looked_at:
            assert not looked_at.known
            await eventually(lambda: looked_at.known, ENOUGH_SEC)
            assert looked_at.down is None
        assert start_of(far.messages[0]) == f"OPTIONS sip:{HOST}:{far.port} SIP/2.0"
        assert first(headers_of(far.messages[0]), "from").startswith(f"<sip:+14155550100@{HOST}>;tag=")


async def test_a_trunk_is_down_after_two_misses(impatient):
    """Not after one: a single lost answer stops nobody."""
    looked_at = Health(trunk(9))
    async with udp(lambda _: []) as far:
        peer = peer_of(trunk(far.port))
        await looked_at.ask_once(peer)
        assert (looked_at.known, looked_at.down) == (False, None)
        await looked_at.ask_once(peer)
    assert looked_at.known
    assert looked_at.down == f"{HOST}:{far.port} over udp: no answer to OPTIONS within 0 s"


async def test_a_trunk_that_was_down_comes_up_again(impatient):
    """It is asked on, and one answer is enough; the misses are counted anew."""
    moody = Moody()
    async with udp(moody) as far, kept(trunk(far.port)) as looked_at:
        await eventually(lambda: looked_at.known, ENOUGH_SEC)
        moody.up = False
        looked_at.doubt()
        await eventually(lambda: looked_at.down, ENOUGH_SEC)
        moody.up = True
        await eventually(lambda: looked_at.down is None, ENOUGH_SEC)
        assert looked_at.known


async def test_a_doubt_is_looked_into_at_once():
    """Before the half minute is over."""
    async with udp(Moody()) as far, kept(trunk(far.port, options_sec=3600)) as looked_at:
        await eventually(lambda: len(far.messages) == 1, ENOUGH_SEC)
        looked_at.doubt()
        await eventually(lambda: len(far.messages) == 2, ENOUGH_SEC)


async def test_nobody_at_the_port_is_told_with_the_reason():
    """The network's own words."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind((HOST, 0))
        port = held.getsockname()[1]
    async with kept(trunk(port)) as looked_at:
        await eventually(lambda: looked_at.down, ENOUGH_SEC)
        assert looked_at.down.startswith(f"{HOST}:{port} over udp: ")
        assert "refused" in looked_at.down


@pytest.mark.parametrize("said", [["y" * 200_000], []], ids=["no SIP", "nothing"])
async def test_whatever_is_said_it_goes_on_asking(said, impatient):
    """A far end that talks rubbish is down, until it is mended."""
    mended = []
    async with (
        tcp(lambda text: [answer(text)] if mended else said) as far,
        kept(trunk(far.port, transport="tcp")) as looked_at,
    ):
        await eventually(lambda: looked_at.down, ENOUGH_SEC)
        mended.append(True)
        await eventually(lambda: looked_at.down is None, ENOUGH_SEC)


@pytest.mark.parametrize(
    "settings", [trunk(5060, options_sec=0), parse_settings({"host": "sip.example.com"})], ids=["off", "SRV domain"]
)
async def test_a_trunk_that_is_not_asked_is_taken_to_be_up(settings):
    """Where it is switched off, and where only SRV records know the servers."""
    looked_at = Health(settings)
    await looked_at.keep()
    assert looked_at.known
    assert looked_at.down is None


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"host": "192.0.2.1"}, ("192.0.2.1", 5060, "udp", None)),
        ({"host": "192.0.2.1", "transport": "tls"}, ("192.0.2.1", 5061, "tls", None)),
        ({"host": "sip.example.com", "port": 5070}, ("sip.example.com", 5070, "udp", None)),
        ({"host": "2001:db8::1", "port": 5070}, ("2001:db8::1", 5070, "udp", None)),
        ({"host": "h.example", "outbound_proxy": "sbc.example:5080"}, ("sbc.example", 5080, "udp", None)),
        ({"host": "h.example", "outbound_proxy": "sip:sbc.example;transport=tcp"}, ("sbc.example", 5060, "tcp", None)),
        ({"host": "h.example", "outbound_proxy": "[2001:db8::2]:5080"}, ("2001:db8::2", 5080, "udp", None)),
        ({"host": "h.example", "outbound_proxy": "sbc.example;transport=tls"}, ("sbc.example", 5061, "tls", None)),
        ({"host": "192.0.2.1", "net_interface": "192.0.2.7"}, ("192.0.2.1", 5060, "udp", "192.0.2.7")),
        ({"host": "192.0.2.1", "net_interface": "eth0"}, ("192.0.2.1", 5060, "udp", None)),
    ],
)
def test_whom_to_ask(given, where):
    """The outbound proxy where there is one, by its own transport, from the address that calls come from."""
    peer = peer_of(parse_settings(given))
    assert (peer.host, peer.port, peer.transport, peer.source) == where
    assert (peer.tls is not None) == (peer.transport == "tls")


def test_of_a_domain_the_name_is_the_way():
    """For a BYE in an emergency the domain's own address must do."""
    settings = parse_settings({"host": "sip.example.com"})
    assert peer_of(settings) is None
    assert way_to(settings).host == "sip.example.com"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_an_address_of_ipv6_stands_in_brackets():
    """In the request's address and in the Via, or no far end could read it."""
    async with udp(lambda text: [answer(text)], "::1") as far:
        settings = trunk(far.port, host="::1")
        assert await why_silent(settings, peer_of(settings)) == ""
    assert start_of(far.messages[0]) == f"OPTIONS sip:[::1]:{far.port} SIP/2.0"
    assert "Via: SIP/2.0/UDP [::1]:" in far.messages[0]


async def test_over_tls_a_stranger_is_not_taken_for_the_trunk(tmp_path):
    """Unless its certificate is trusted, or is not to be checked."""
    ours, trusted = certificate(tmp_path, "localhost")
    async with tcp(lambda text: [answer(text)], ours) as far:
        named = {"host": "localhost", "port": far.port, "transport": "tls"}
        for more, fault in (
            ({}, "certificate verify failed"),
            ({"verify": False}, ""),
            ({"ca_file": str(trusted)}, ""),
        ):
            settings = parse_settings(named | more)
            why = await why_silent(settings, peer_of(settings))
            assert fault in why
            assert bool(why) == bool(fault)

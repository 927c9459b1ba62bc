import socket
import ssl
import time

import pytest
from tests.chaos.patience import eventually
from tests.sip.sockets import HOST, answer, certificate, tcp, udp
from tests.sip.told import ACCEPTED, INVITE, response

from ringback.carriers.sip import request
from ringback.carriers.sip.message import first, headers_of, start_of, status_of, tag_of, uri_of, values
from ringback.carriers.sip.request import FURTHER, Peer, ack, address_of, ask, bye, cancel, options, tell

ENOUGH_SEC = 30.0
SHORT_SEC = 0.05
ROUTED = ACCEPTED.replace(
    "CSeq:", "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com:5070;lr>\r\nRecord-Route: <sip:p3;lr>\r\nCSeq:"
)


def routes(request_text):
    """Its Route headers."""
    return headers_of(request_text).get("route", [])


def test_a_bye_goes_to_the_contact_of_the_answer():
    """It is of the dialog: both tags, the Call-ID, and a number that was not there before."""
    made = bye(INVITE, ACCEPTED, "t0ken")
    headers = headers_of(made.text)
    assert start_of(made.text) == "BYE sip:room@198.51.100.7:5070 SIP/2.0"
    assert made.target == "sip:room@198.51.100.7:5070"
    assert first(headers, "from") == "<sip:+14155550100@192.0.2.1>;tag=ours"
    assert first(headers, "to") == "<sip:+14155552671@192.0.2.1:5060>;tag=theirs"
    assert first(headers, "call-id") == "abc@ours"
    assert first(headers, "cseq") == f"{41 + FURTHER} BYE"
    assert first(headers, "via") == "SIP/2.0/{via};branch=z9hG4bKt0ken;rport"
    assert made.text.endswith("Content-Length: 0\r\n\r\n")
    assert not routes(made.text)


def test_a_bye_goes_by_the_proxies_that_stayed_in_the_path():
    """Backwards, as they are told from the far end's side (RFC 3261, 12.1.2), and to the first of them."""
    made = bye(INVITE, ROUTED, "t")
    assert routes(made.text) == ["<sip:p3;lr>", "<sip:p2.example.com:5070;lr>", "<sip:p1.example.com;lr>"]
    assert made.target == "sip:p3;lr"
    assert start_of(made.text) == "BYE sip:room@198.51.100.7:5070 SIP/2.0"


def test_a_bye_is_made_of_short_and_folded_headers_too():
    """A far end may write m for Contact, t for To, and go on in the next line."""
    text = ROUTED.replace("Contact:", "m:").replace("To:", "t :").replace("lr>, <sip:p2", "lr>,\r\n <sip:p2")
    assert bye(INVITE, text, "t").text == bye(INVITE, ROUTED, "t").text


def test_a_comma_within_an_address_parts_no_routes():
    """As in a user part, or in a display name in quotes."""
    text = ACCEPTED.replace("CSeq:", 'Record-Route: "P, one" <sip:a,b@p1;lr>,<sip:p2;lr>\r\nCSeq:')
    assert routes(bye(INVITE, text, "t").text) == ["<sip:p2;lr>", '"P, one" <sip:a,b@p1;lr>']


def test_an_ack_has_the_number_of_its_invite():
    """And goes where the BYE goes (RFC 3261, 13.2.2.4)."""
    made = ack(INVITE, ROUTED, "t")
    assert first(headers_of(made.text), "cseq") == "41 ACK"
    assert (start_of(made.text), made.target) == ("ACK sip:room@198.51.100.7:5070 SIP/2.0", "sip:p3;lr")
    assert routes(made.text) == routes(bye(INVITE, ROUTED, "t").text)


def test_a_cancel_is_of_the_transaction_of_its_invite():
    """The same address, Via with its branch, tags and number; no To tag (RFC 3261, 9.1)."""
    made = cancel(INVITE)
    headers, asked = headers_of(made.text), headers_of(INVITE)
    assert start_of(made.text) == "CANCEL sip:+14155552671@192.0.2.1:5060;transport=udp SIP/2.0"
    assert all(first(headers, name) == first(asked, name) for name in ("via", "from", "to", "call-id"))
    assert first(headers, "cseq") == "41 CANCEL"
    assert made.target is None
    assert "contact" not in headers


def test_a_cancel_takes_the_route_of_its_invite():
    """Where there was an outbound proxy, it is the proxy that has to be told."""
    routed = INVITE.replace("CSeq:", "Route: <sip:edge.example.com:5080;lr>\r\nRoute: <sip:p2;lr>\r\nCSeq:")
    made = cancel(routed)
    assert routes(made.text) == ["<sip:edge.example.com:5080;lr>", "<sip:p2;lr>"]
    assert made.target == "sip:edge.example.com:5080;lr"


def test_a_cancel_holds_no_credentials():
    """They are of the INVITE alone, and are kept masked."""
    masked = INVITE.replace("CSeq:", "Authorization: (masked)\r\nCSeq:")
    assert "masked" not in cancel(masked).text


@pytest.mark.parametrize(
    ("uri", "where"),
    [
        ("sip:192.0.2.5", ("192.0.2.5", 5060, "udp")),
        ("sip:room@192.0.2.5:5070;ob", ("192.0.2.5", 5070, "udp")),
        ("sip:+1%3B2:pw@host.example;lr", ("host.example", 5060, "udp")),
        ("SIP:room@[2001:db8::7]:5070", ("2001:db8::7", 5070, "udp")),
        ("sip:host.example;transport=TCP", ("host.example", 5060, "tcp")),
        ("sip:host.example;transport=tls", ("host.example", 5061, "tls")),
        ("sip:host.example;transport=sctp", ("host.example", 5060, "udp")),
        ("tel:+14155552671", ("trunk.example", 5090, "udp")),
        ("", ("trunk.example", 5090, "udp")),
    ],
)
def test_an_address_says_where_its_requests_go(uri, where):
    """By the trunk's transport unless it names one; what is no SIP address goes to the trunk."""
    peer = address_of(uri, Peer("trunk.example", 5090))
    assert (peer.host, peer.port, peer.transport) == where
    assert (peer.tls is not None) == (where[2] == "tls")


def test_the_parts_of_a_message():
    """Status, start, tags and addresses, however they are written."""
    assert status_of("SIP/2.0 486 Busy Here\r\n") == 486
    assert status_of("SIP/2.0 486\r\n") == 486
    assert status_of("INVITE sip:SIP/2.0@x SIP/2.0\r\n") is None
    assert start_of("OPTIONS sip:x SIP/2.0\r\nVia: y") == "OPTIONS sip:x SIP/2.0"
    assert tag_of('"a;tag=no" <sip:x;tag=no>;tag = yes;x') == "yes"
    assert tag_of("sip:x;tag=yes") == "yes"
    assert tag_of("<sip:x;tag=no>") == ""
    assert uri_of('"A <sip:no>" <sip:yes@h:5;lr>;expires=3') == "sip:yes@h:5;lr"
    assert uri_of("sip:yes@h;expires=3") == "sip:yes@h"
    assert values({"route": ["<sip:a>,, <sip:b>", ""]}, "route") == ["<sip:a>", "<sip:b>"]
    assert headers_of("x") == {}


@pytest.mark.parametrize("value", ['"\\' * 100_000, "<" * 200_000, "," * 200_000, ' "a" <b>,' * 30_000])
def test_a_header_made_to_take_long_takes_no_time(value):
    """A far end cannot hold up the calls of others by what it writes."""
    began = time.monotonic()
    bye(INVITE, ACCEPTED.replace("CSeq:", f"Record-Route: {value}\r\nCSeq:"), "t")
    assert time.monotonic() - began < ENOUGH_SEC


@pytest.fixture
def quick(monkeypatch):
    """Requests are sent again sooner."""
    monkeypatch.setattr(request, "FIRST_RESEND_SEC", SHORT_SEC)


def asking():
    """An OPTIONS request."""
    return options("sip:trunk.example", "sip:us@here.example", "t0ken")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "503 Down"])
async def test_any_final_response_over_udp_is_an_answer(status):
    """A far end that refuses OPTIONS is there."""
    async with udp(lambda text: [answer(text, "100 Trying"), answer(text, status)]) as far:
        assert await ask(asking(), Peer(HOST, far.port), ENOUGH_SEC) == int(status[:3])
    [text] = far.messages
    assert first(headers_of(text), "via") == f"SIP/2.0/UDP {HOST}:{far.sources[0]};branch=z9hG4bKt0ken;rport"


async def test_a_lost_request_is_sent_again(quick):
    """The same one: branch and number are as they were."""
    lost = []

    def reply(text):
        lost.append(text)
        return [] if len(lost) < 3 else [answer(text)]

    async with udp(reply) as far:
        assert await ask(asking(), Peer(HOST, far.port), ENOUGH_SEC) == 200
    assert len(far.messages) == 3
    assert len(set(far.messages)) == len(set(far.sources)) == 1


async def test_rubbish_is_no_answer(quick):
    """Nor is a provisional response, nor one of another protocol."""
    said = ["", "\r\n", "HTTP/1.1 200 OK\r\n\r\n", "SIP/2.0 100 Trying\r\n\r\n", "SIP/2.0 abc\r\n"]
    async with udp(lambda text: [*said, answer(text)]) as far:
        assert await ask(asking(), Peer(HOST, far.port), ENOUGH_SEC) == 200


async def test_silence_is_no_answer():
    """It is told as such once the time is over."""
    async with udp(lambda _: []) as far:
        assert await ask(asking(), Peer(HOST, far.port), SHORT_SEC) is None


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_closed_port_is_told_at_once(transport):
    """The network says so; the time is not waited for."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as held:
        held.bind((HOST, 0))
        port = held.getsockname()[1]
        held.close()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await ask(asking(), Peer(HOST, port, transport), 20 * ENOUGH_SEC)


async def test_a_request_leaves_from_the_address_that_is_asked_for():
    """A far end that trusts addresses must see the one that calls come from."""
    async with udp(lambda text: [answer(text)]) as far:
        assert await ask(asking(), Peer(HOST, far.port, source="127.0.0.2"), ENOUGH_SEC) == 200
        with pytest.raises(OSError, match="cannot be reached from ::1"):
            await ask(asking(), Peer(HOST, far.port, source="::1"), ENOUGH_SEC)
    assert " 127.0.0.2:" in far.messages[0]


async def test_an_answer_over_tcp():
    """Behind provisional ones, too."""
    async with tcp(lambda text: [answer(text, "100 Trying"), answer(text)]) as far:
        assert await ask(asking(), Peer(HOST, far.port, "tcp"), ENOUGH_SEC) == 200
    assert "Via: SIP/2.0/TCP" in far.messages[0]


@pytest.mark.parametrize(
    ("said", "fault"), [([], "closed without an answer"), (["x" * 200_000], "no SIP")], ids=["closed", "endless line"]
)
async def test_a_connection_without_an_answer_is_told(said, fault):
    """One that is closed, and one that says something else."""
    async with tcp(lambda _: said) as far:
        with pytest.raises(OSError, match=fault):
            await ask(asking(), Peer(HOST, far.port, "tcp"), ENOUGH_SEC)


async def test_an_ack_is_sent_and_not_waited_for():
    """Nothing answers it, over whatever transport."""
    confirmation = ack(INVITE, ACCEPTED, "t")
    async with udp(lambda _: []) as far, tcp(lambda _: []) as stream:
        await tell(confirmation, Peer(HOST, far.port), ENOUGH_SEC)
        await tell(confirmation, Peer(HOST, stream.port, "tcp"), ENOUGH_SEC)
        await eventually(lambda: far.messages and stream.messages, ENOUGH_SEC)
    assert start_of(far.messages[0]) == start_of(stream.messages[0]) == "ACK sip:room@198.51.100.7:5070 SIP/2.0"


async def test_over_tls_the_certificate_is_checked(tmp_path):
    """One that nobody vouches for is refused; one that is trusted, and is for this host, is taken."""
    ours, trusted = certificate(tmp_path, "localhost")
    async with tcp(lambda text: [answer(text)], ours) as far:
        known = ssl.create_default_context(cafile=trusted)
        assert await ask(asking(), Peer("localhost", far.port, "tls", known), ENOUGH_SEC) == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(asking(), Peer("localhost", far.port, "tls", ssl.create_default_context()), ENOUGH_SEC)
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(asking(), Peer(HOST, far.port, "tls", known), ENOUGH_SEC)
    assert "Via: SIP/2.0/TLS" in far.messages[0]


def test_a_forked_answer_is_ended_in_its_own_dialog():
    """The To tag and the Contact are those of the second phone."""
    second = response("200 OK", "Contact: <sip:hall@198.51.100.8>", tag="second")
    made = bye(INVITE, second, "t")
    assert tag_of(first(headers_of(made.text), "to")) == "second"
    assert made.target == "sip:hall@198.51.100.8"

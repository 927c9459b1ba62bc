"""A single SIP request of our own, outside the stack: OPTIONS, and what the stack cannot or does not send.

Those are BYE and CANCEL for a worker that died, and the ACK, and BYE, for a 2xx that came again or came of a second
fork. Everything else of SIP is the stack's. Cited sections are of RFC 3261.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Literal, cast

from ringback.carriers.sip.message import first, headers_of, uri_of, values

Transport = Literal["udp", "tcp", "tls"]

FIRST_RESEND_SEC = 0.5
"""T1, the estimate of a round trip; a request over UDP is sent again after it, then after twice that (17.1.2.2)."""

_STATUS = re.compile(rb"SIP/2\.0 (\d{3})")
_HOST = re.compile(r"sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?", re.IGNORECASE)
_TRANSPORT = re.compile(r";transport=(udp|tcp|tls)\b", re.IGNORECASE)

FURTHER = 1000
"""So far beyond the INVITE's number is that of a BYE for a dead worker: there may have been requests in between, and a
gap is no error (section 12.2.2), where a number that was there already is one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request goes.

    Attributes:
        host: a name or an address.
        port: of it.
        transport: udp, tcp or tls.
        tls: how its certificate is checked, for `tls`.
        source: the address of ours from which it is asked, None for what the route says.
    """

    host: str
    port: int
    transport: Transport = "udp"
    tls: ssl.SSLContext | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request with one place left open: the Via's address, known once there is a socket.

    Attributes:
        text: with `{via}` for the address.
        target: the URI to whose host it goes, None for the trunk's own address.
    """

    text: str
    target: str | None = None


def options(uri: str, from_uri: str, token: str) -> Request:
    """Ask whether somebody is there (section 11). Any final response says yes.

    Args:
        uri: of the trunk.
        from_uri: of ours.
        token: unguessable; becomes branch, tag and Call-ID.
    """
    lines = [
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/{{via}};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <{from_uri}>;tag={token[:16]}",
        f"To: <{uri}>",
        f"Call-ID: {token}@ringback",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return Request(_message(lines))


def cancel(invite: str) -> Request:
    """Take back an INVITE that has no final response: the same branch, route and numbers (section 9.1)."""
    headers = headers_of(invite)
    lines = [
        "CANCEL" + invite.split("\r\n", 1)[0].removeprefix("INVITE"),
        f"Via: {first(headers, 'via')}",
        "Max-Forwards: 70",
        *(f"Route: {value}" for value in headers.get("route", ())),
        f"From: {first(headers, 'from')}",
        f"To: {first(headers, 'to')}",
        f"Call-ID: {first(headers, 'call-id')}",
        f"CSeq: {_number(invite)} CANCEL",
        "Content-Length: 0",
    ]
    routes = values(headers, "route")
    return Request(_message(lines), target=uri_of(routes[0]) if routes else None)


def ack(invite: str, accepted: str, token: str) -> Request:
    """Confirm a 2xx: a request of the dialog that it made, with the number of the INVITE (section 13.2.2.4)."""
    return _within(invite, accepted, token, "ACK", _number(invite))


def bye(invite: str, accepted: str, token: str) -> Request:
    """End the dialog that a 2xx made."""
    return _within(invite, accepted, token, "BYE", _number(invite) + FURTHER)


def _within(invite: str, accepted: str, token: str, method: str, number: int) -> Request:
    """A request to the Contact of a 2xx, by its Record-Route backwards (sections 12.1.2 and 12.2.1.1)."""
    asked, answer = headers_of(invite), headers_of(accepted)
    contact = uri_of(first(answer, "contact"))
    routes = values(answer, "record-route")[::-1]
    lines = [
        f"{method} {contact} SIP/2.0",
        f"Via: SIP/2.0/{{via}};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in routes),
        f"From: {first(asked, 'from')}",
        f"To: {first(answer, 'to')}",
        f"Call-ID: {first(asked, 'call-id')}",
        f"CSeq: {number} {method}",
        "Content-Length: 0",
    ]
    return Request(_message(lines), target=uri_of(routes[0]) if routes else contact)


def next_hop(invite: str) -> str:
    """The URI to which an INVITE went: that of its first Route, or else the one that it asks for (section 8.1.2)."""
    routes = values(headers_of(invite), "route")
    return uri_of(routes[0]) if routes else invite.split(" ", 2)[1]


def address_of(uri: str, default: Peer) -> Peer:
    """Where a URI's requests go; by the transport of the trunk, unless it names one."""
    match, named = _HOST.match(uri), _TRANSPORT.search(uri)
    if match is None:
        return default
    transport = cast(Transport, named[1].lower()) if named else default.transport
    tls = default.tls or ssl.create_default_context() if transport == "tls" else None
    port = int(match[2]) if match[2] else (5061 if transport == "tls" else 5060)
    return Peer(match[1].strip("[]"), port, transport, tls, default.source)


async def ask(request: Request, peer: Peer, within_sec: float) -> int | None:
    """Send a request; the status of its final response, None where none came in time.

    Args:
        request: what to send.
        peer: whom.
        within_sec: for how long to wait, over UDP with repetitions.

    Raises:
        OSError: it could not be sent.
    """
    try:
        async with asyncio.timeout(within_sec):
            return await (_over_udp(request, peer) if peer.transport == "udp" else _over_stream(request, peer))
    except TimeoutError:
        return None


async def tell(request: Request, peer: Peer, within_sec: float) -> None:
    """Send a request that has no response: an ACK.

    Raises:
        OSError: it could not be sent.
        TimeoutError: nobody took the connection in time.
    """
    async with asyncio.timeout(within_sec):
        if peer.transport == "udp":
            transport, _ = await _datagrams(peer)
            transport.sendto(_filled(request, "UDP", transport.get_extra_info("sockname")))
            transport.close()
        else:
            _, writer = await _connection(peer)
            writer.write(_filled(request, peer.transport.upper(), writer.get_extra_info("sockname")))
            writer.close()
            await writer.wait_closed()


class _Answers(asyncio.DatagramProtocol):
    """Waits for a final response."""

    def __init__(self) -> None:
        self.final: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  # the signature is asyncio's
        """Take a response."""
        match = _STATUS.match(data)
        if match and int(match[1]) >= 200 and not self.final.done():
            self.final.set_result(int(match[1]))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there, so the network says."""
        if not self.final.done():
            self.final.set_exception(exc)


async def _over_udp(request: Request, peer: Peer) -> int:
    transport, answers = await _datagrams(peer)
    try:
        message = _filled(request, "UDP", transport.get_extra_info("sockname"))
        pause = FIRST_RESEND_SEC
        while True:
            transport.sendto(message)
            done, _ = await asyncio.wait([answers.final], timeout=pause)
            if done:
                return answers.final.result()
            pause = min(pause * 2, 4.0)
    finally:
        transport.close()


async def _over_stream(request: Request, peer: Peer) -> int:
    reader, writer = await _connection(peer)
    try:
        writer.write(_filled(request, peer.transport.upper(), writer.get_extra_info("sockname")))
        while line := await reader.readline():
            match = _STATUS.match(line)
            if match and int(match[1]) >= 200:
                return int(match[1])
        raise ConnectionResetError("the connection was closed without an answer")
    except ValueError as endless:
        raise OSError("what came back is no SIP") from endless
    finally:
        writer.close()


async def _datagrams(peer: Peer) -> tuple[asyncio.DatagramTransport, _Answers]:
    loop = asyncio.get_running_loop()
    ours = (peer.source, 0) if peer.source else None
    try:
        return await loop.create_datagram_endpoint(_Answers, local_addr=ours, remote_addr=(peer.host, peer.port))
    except ValueError as mismatch:  # one is of IPv4, the other of IPv6
        raise OSError(f"{peer.host} cannot be reached from {peer.source}") from mismatch


async def _connection(peer: Peer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    ours = (peer.source, 0) if peer.source else None
    return await asyncio.open_connection(peer.host, peer.port, ssl=peer.tls, local_addr=ours)


def _filled(request: Request, transport: str, ours: tuple[str, int]) -> bytes:
    host = f"[{ours[0]}]" if ":" in ours[0] else ours[0]
    return request.text.replace("{via}", f"{transport} {host}:{ours[1]}").encode()


def _number(invite: str) -> int:
    """That of its CSeq."""
    return int(first(headers_of(invite), "cseq").split()[0])


def _message(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n\r\n"

"""The ladder of a dial: its SIP messages in order, each as one line with what matters of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringback.carriers.sip.message import Headers, body_of, first, headers_of, start_of, status_of, tag_of

_STATIC = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "13": "CN", "15": "G728", "18": "G729"}
"""Payload types that need no rtpmap (RFC 3551, section 6)."""

_RTPMAP = re.compile(r"a=rtpmap:(\d+) ([^/\s]+)")
_ADDRESS = re.compile(r"c=IN IP[46] (\S+)")
_BRANCH = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^\s;,]+)", re.IGNORECASE)
_ENCRYPTION = re.compile(r"\bsrtp\b|/savp|\bcrypto\b|encrypt", re.IGNORECASE)
_DIRECTIONS = {"a=sendonly": "sendonly", "a=recvonly": "recvonly", "a=inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class Rung:
    """One message.

    Attributes:
        at: Unix time in seconds.
        sent: by us.
        what: the method of a request, the status line of a response without its version.
        cseq: number and method.
        media: its SDP in a line, empty where it has none.
        remark: what its Reason, Warning, Retry-After and Contact say of a refusal.
        again: it is one that was there already.
        text: all of it, secrets masked.
    """

    at: float
    sent: bool
    what: str
    cseq: str
    media: str
    remark: str
    again: bool
    text: str

    @property
    def status(self) -> int | None:
        """Of a response, None for a request."""
        return status_of(self.text)


@dataclass(slots=True)
class Ladder:
    """The messages of a dial, as they come."""

    rungs: list[Rung] = field(default_factory=list)
    _known: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, at: float, sent: bool, text: str) -> Rung | None:
        """Take the next message; None for what is none, such as a keep-alive."""
        headers = headers_of(text)
        cseq = first(headers, "cseq")
        if not cseq:
            return None
        key = (str(sent), start_of(text), cseq, first(headers, "call-id"), _branch(headers), _far_tag(headers))
        rung = Rung(
            at, sent, _what(text), cseq, media_of(body_of(text)), _remark(text, headers), key in self._known, text
        )
        self._known.add(key)
        self.rungs.append(rung)
        return rung

    @property
    def began_at(self) -> float:
        """When the first INVITE went out; the first message, where none did."""
        invites = (rung.at for rung in self.rungs if rung.sent and rung.what == "INVITE")
        return next(invites, self.rungs[0].at if self.rungs else 0.0)

    def is_whole(self) -> bool:
        """Whether nothing is to come: all is answered, each INVITE is confirmed, what was accepted is ended."""
        asked = {(rung.sent, rung.cseq) for rung in self.rungs if rung.status is None and rung.what != "ACK"}
        finals = {(not rung.sent, rung.cseq): rung.status for rung in self.rungs if (rung.status or 0) >= 200}
        invites = [(cseq, status) for (sent, cseq), status in finals.items() if sent and cseq.endswith(" INVITE")]
        confirmed = {rung.cseq.partition(" ")[0] for rung in self.rungs if rung.sent and rung.what == "ACK"}
        return (
            asked <= finals.keys()
            and {cseq.partition(" ")[0] for cseq, _ in invites} <= confirmed
            and (all((status or 0) >= 300 for _, status in invites) or any(rung.what == "BYE" for rung in self.rungs))
        )


def media_of(sdp: str) -> str:
    """The media of an SDP in a line, such as `audio 192.0.2.7:4000 RTP/AVP PCMU PCMA`; empty where it has none."""
    common, *streams = re.split(r"(?m)^(?=m=)", sdp.replace("\r\n", "\n"))
    return "; ".join(_stream(common, stream) for stream in streams)


def _stream(common: str, stream: str) -> str:
    kind, port, profile, *types = [*stream.partition("\n")[0][2:].split(), "", "", ""][:40]
    names = {**_STATIC, **dict(_RTPMAP.findall(stream))}
    address = _ADDRESS.search(stream) or _ADDRESS.search(common)
    lines = {*common.splitlines(), *stream.splitlines()}
    directions = [word for line, word in _DIRECTIONS.items() if line in lines]
    formats = [names.get(number, number) for number in types if number]
    host = address[1] if address else ""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return " ".join([kind, where, profile, *formats, *directions])


def host_of(media: str) -> str:
    """Where the first stream of such a line goes."""
    match = re.match(r"\S+ (?:\[([^\]]*)\]|([^:\s]*)):", media)
    return (match[1] or match[2] or "") if match else ""


def demands_srtp(rungs: Iterable[Rung]) -> bool:
    """Whether the far end says, in a refusal or by its own SDP, that media must be encrypted."""
    return any(
        "/SAVP" in rung.media or ((rung.status or 0) >= 300 and _ENCRYPTION.search(rung.text))
        for rung in rungs
        if not rung.sent
    )


def _what(text: str) -> str:
    start = start_of(text)
    return start.partition(" ")[2] if start.startswith("SIP/") else start.partition(" ")[0]


_TELLING = {"reason": "Reason", "warning": "Warning", "retry-after": "Retry-After"}


def _remark(text: str, headers: Headers) -> str:
    """What a refusal, or the end of a call, says of its why."""
    status = status_of(text)
    told = {name: first(headers, name) for name in _TELLING}
    parts = [f"{_TELLING[name]}: {value}" for name, value in told.items() if value]
    if status is not None and 300 <= status < 400 and first(headers, "contact"):
        parts.append(f"Contact: {first(headers, 'contact')}")
    return "; ".join(parts)


def _branch(headers: Headers) -> str:
    match = _BRANCH.search(first(headers, "via"))
    return match[1] if match else ""


def _far_tag(headers: Headers) -> str:
    return tag_of(first(headers, "to"))

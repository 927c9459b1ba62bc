"""What a SIP trunk can be told: where it dials, who it is there, how long, with what media, and how much at once.

What goes into a SIP message or into the stack's own configuration is held to characters that cannot break either.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from ipaddress import IPv4Address, ip_address
from typing import Any, Literal

from ringback.errors import Invalid

TRANSPORTS = ("udp", "tcp", "tls")
SIGNALLING_SEC = 64
"""Beyond ringing and talking, for lost messages: twice Timer B (RFC 3261, section 17.1.1.2)."""

CODECS = ("pcmu", "pcma", "g722", "opus")

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_PROXY = re.compile(r"(?:sip:)?(\[[^\]]+\]|[^:;]+)(?::([0-9]{1,5}))?(?:;transport=(?:udp|tcp|tls))?")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{2,15}")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,/%-]{1,128}")
_PASSWORD = re.compile(r'[^\x00-\x1f\x7f"\\]{1,256}')
_INTERFACE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_FILE = re.compile(r"/[A-Za-z0-9_./+,=~-]{1,1000}")


@dataclass(frozen=True, slots=True, repr=False)
class SipSettings:
    """How a SIP trunk is reached and used. It has no `repr`, for the password's sake.

    Attributes:
        host: a name, an address, or a domain whose SRV records name the servers.
        port: None is what the SRV records say, or the transport's own.
        transport: `udp`, `tcp` or `tls`.
        username: for the digest (401, 407), and who calls where no number is given.
        password: likewise, in the clear.
        register: whether it registers with the far end before it dials.
        outbound_proxy: through which all requests go; None for straight to the host.
        from_domain: of the caller's address; None for the host.
        from_number: who calls, where neither call nor campaign says.
        asserted_identity: whether P-Asserted-Identity (RFC 3325) names the caller too.
        ring_timeout_sec: seconds after which an unanswered dial is given up.
        max_call_sec: seconds after which an answered call is hung up.
        codecs: what is offered, the most wanted first.
        media_port_low: the first UDP port for media.
        media_port_high: the last one.
        net_interface: the interface, or its address, for signalling and media; None for what the route says.
        media_address: the IPv4 address that is announced for media, as NAT shows it; None for that of the interface.
        follow_redirects: whether a 3xx is followed to where it points.
        srtp: whether media must be encrypted (RFC 3711), by keys in the signalling (RFC 4568).
        max_calls_per_worker: calls in one process at most.
        dials_per_sec_per_worker: dials that one process begins in a second at most.
        most_workers: processes at most.
        options_sec: seconds between two looks whether the far end is there; 0 is never.
        verify: whether the far end's certificate must be one that we trust; for `tls`.
        ca_file: the certificates that are trusted, None for the system's; for `tls`.
    """

    host: str
    port: int | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    username: str | None = None
    password: str | None = None
    register: bool = False
    outbound_proxy: str | None = None
    from_domain: str | None = None
    from_number: str | None = None
    asserted_identity: bool = False
    ring_timeout_sec: int = 30
    max_call_sec: int = 600
    codecs: tuple[str, ...] = ("pcmu", "pcma")
    media_port_low: int = 16_384
    media_port_high: int = 32_767
    net_interface: str | None = None
    media_address: str | None = None
    follow_redirects: bool = False
    srtp: bool = False
    max_calls_per_worker: int = 200
    dials_per_sec_per_worker: int = 50
    most_workers: int = 4
    options_sec: int = 30
    verify: bool = True
    ca_file: str | None = None

    @property
    def longest_sec(self) -> int:
        """From the request to the end of a dial at most."""
        return self.ring_timeout_sec + self.max_call_sec + SIGNALLING_SEC

    def as_json(self) -> dict[str, Any]:
        """What `parse_settings` makes the same settings of. The password is in it."""
        return {**asdict(self), "codecs": list(self.codecs)}


_KNOWN = tuple(field.name for field in fields(SipSettings))


def parse_settings(raw: Mapping[str, Any], field: str = "settings") -> SipSettings:
    """The settings of a SIP trunk from their JSON object; what is left out has its default.

    Args:
        raw: the JSON object, its password in the clear.
        field: how the caller calls it, for the messages.

    Raises:
        Invalid: one line for each entry that is wrong, not known or missing.
    """
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'host': 'sip.example.com'}}"])
    faults: list[str] = [
        f"{field}.{name} is not known; known are {', '.join(_KNOWN)}" for name in sorted(map(str, set(raw) - {*_KNOWN}))
    ]
    if "host" not in raw:
        faults.append(f"{field}.host is missing: it is the name or address of the far end, such as 'sip.example.com'")
    given = {name: _read(name, raw[name], f"{field}.{name}", faults) for name in _KNOWN if name in raw}
    if not faults:
        faults.extend(_conflicts(SipSettings(**given), field))
    if faults:
        raise Invalid(faults)
    return SipSettings(**given)


Reader = Callable[[Any], Any]
"""value -> what it means; raises ValueError with what it must be."""


def _read(name: str, value: Any, field: str, faults: list[str]) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as fault:
        faults.append(f"{field} {fault}")
        return None


def _conflicts(settings: SipSettings, field: str) -> Iterator[str]:
    """What goes wrong only together."""
    if settings.username is None and (settings.password is not None or settings.register):
        yield f"{field}.username is missing: nobody can register or give a password without it"
    if settings.media_port_high <= settings.media_port_low:
        yield f"{field}.media_port_high must be above media_port_low: each call takes two ports"
    if settings.ca_file is not None and settings.transport != "tls":
        yield f"{field}.ca_file must be left out, or the transport be 'tls'"
    if settings.media_address is not None and ":" in settings.host + (settings.net_interface or ""):
        yield f"{field}.media_address must be left out: it is for IPv4, and the far end is reached over IPv6"


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _like(pattern: re.Pattern[str], wanted: str) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be {wanted}")
        return value

    return read


def _whole(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def _options_sec(value: Any) -> int:
    if value == 0 and not isinstance(value, bool):
        return 0
    return int(_whole(5, 3600)(value))


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _one_of(words: tuple[str, ...]) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


def _codecs(value: Any) -> tuple[str, ...]:
    known = isinstance(value, list) and value and all(isinstance(each, str) and each in CODECS for each in value)
    if not known or len(set(value)) < len(value):
        raise ValueError(f"must be a list of one or more of {', '.join(CODECS)}, the most wanted first, each once")
    return tuple(value)


def _host(value: Any) -> str:
    """A name, or an address without brackets."""
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"sips?:.*|[^:]+:[0-9]+", text):
        raise ValueError("must be a name or an address alone: port and transport have settings of their own")
    if _HOST_NAME.fullmatch(text) and not re.fullmatch(r"[0-9.]+", text):
        return text
    try:
        return _ip(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        raise ValueError("must be a name or an address, such as 'sip.example.com' or '192.0.2.10'") from None


def _proxy(value: Any) -> str:
    found = _PROXY.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is None or int(found[2] or 1) not in range(1, 65_536):
            raise ValueError
        _host(found[1])
    except ValueError:
        raise ValueError("must be a host and perhaps its port, such as 'sbc.example.com:5060'") from None
    return str(value)


def _ip(text: str) -> str:
    """In its usual form; what may follow a % is any text at all, and has no meaning at the far end."""
    if "%" in text:
        raise ValueError
    return str(ip_address(text))


def _ipv4(value: Any) -> str:
    """One that media can be sent to."""
    try:
        address = IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        address = IPv4Address(0)
    if address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        raise ValueError("must be the IPv4 address under which this machine is seen from outside, such as '192.0.2.10'")
    return str(address)


_READERS: Mapping[str, Reader] = {
    "host": _host,
    "port": _optional(_whole(1, 65_535)),
    "transport": _one_of(TRANSPORTS),
    "username": _optional(_like(_USER, "a user as in sip:USER@host, of letters, digits and -_.!~*'()&=+$,/%")),
    "password": _optional(_like(_PASSWORD, 'text of 1 to 256 characters without " and \\')),
    "register": _truth,
    "outbound_proxy": _optional(_proxy),
    "from_domain": _optional(_host),
    "from_number": _optional(
        _like(_NUMBER, "an E.164 number, such as '+14155550100', or the digits of an extension, such as '200'")
    ),
    "asserted_identity": _truth,
    "ring_timeout_sec": _whole(1, 300),
    "max_call_sec": _whole(1, 10_800),
    "codecs": _codecs,
    "media_port_low": _whole(1024, 65_534),
    "media_port_high": _whole(1025, 65_535),
    "net_interface": _optional(_like(_INTERFACE, "an interface or its address, such as 'eth0' or '192.0.2.7'")),
    "media_address": _optional(_ipv4),
    "follow_redirects": _truth,
    "srtp": _truth,
    "max_calls_per_worker": _whole(1, 400),
    "dials_per_sec_per_worker": _whole(1, 100),
    "most_workers": _whole(1, 32),
    "options_sec": _options_sec,
    "verify": _truth,
    "ca_file": _optional(_like(_FILE, "the whole path of a file of certificates, of letters, digits and _./+,=~-")),
}

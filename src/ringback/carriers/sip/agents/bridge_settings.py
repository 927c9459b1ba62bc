"""What a bridging agent, of the kind `sip`, can be told: whom it calls, and what is heard until they answer."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from ringback.errors import Invalid

RING_BACK, TONE, SILENCE = "ring_back", "tone", "silence"
WHILE_RINGING = (RING_BACK, TONE, SILENCE)

RING_TIMEOUT_SEC = 20
LONGEST_RING_SEC = 120

LONGEST_URI = 300
MOST_HEADERS = 20
LONGEST_VALUE = 1_000
LONGEST_HEADERS = 4_000
"""Characters of all of them: what is longer is refused by many far ends."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_USER = r"[A-Za-z0-9_.!~*'()&=+$,/%-]{1,128}"
_URI = re.compile(
    rf"sip:(?P<user>{_USER})@(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?:;transport=(?P<transport>udp|tcp|tls))?"
)
_EXAMPLE = "'sip:bot@pbx.example.com' or 'sip:200@192.0.2.10:5070;transport=tcp'"
_OWN = re.compile(r"X-[A-Za-z0-9-]{1,98}", re.IGNORECASE)
_RESERVED = "x-ringback-"
_STANDARD = frozenset({"alert-info", "call-info", "diversion", "priority", "subject", "user-to-user"})
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def parse_bridge(raw: Mapping[str, Any], field: str = "settings") -> dict[str, Any]:
    """The settings of a bridging agent from their JSON object; what is left out or null has its default.

    Args:
        raw: the JSON object, its headers in the clear.
        field: how the caller calls it, for the messages.

    Returns:
        `uri` with its transport, `ring_timeout_sec`, `while_ringing`, and `headers` by name, whose values are secrets.

    Raises:
        Invalid: one line for each entry that is wrong or not known.
    """
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'uri': 'sip:bot@pbx.example.com'}}"])
    faults = [
        f"{field}.{name} is not known; known are {', '.join(_READERS)}"
        for name in map(str, raw)
        if name not in _READERS
    ]
    parsed = {}
    for name, read in _READERS.items():
        try:
            parsed[name] = read(raw.get(name))
        except ValueError as wrong:
            faults.append(f"{field}.{name} {wrong}")
    faults += _header_faults(parsed.get("headers", {}), f"{field}.headers")
    if faults:
        raise Invalid(faults)
    return parsed


def server_of(uri: str) -> str:
    """The host, port and transport of an address that was parsed: where its secrets go."""
    return uri.rpartition("@")[2].lower()


def _uri(value: Any) -> str:
    """With its transport, and the host such as the stack takes it."""
    found = _URI.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST_URI else None
    if found is None or not _is_host(found["host"]) or int(found["port"] or 1) not in range(1, 65_536):
        raise ValueError(f"must be the address to call, such as {_EXAMPLE}, without a password and without headers")
    return f"{found[0].partition(';')[0]};transport={found['transport'] or 'udp'}"


def _is_host(host: str) -> bool:
    """Whether it is a name, or an address that there can be."""
    if not host.startswith("[") and not re.fullmatch(r"[0-9.]+", host):
        return len(host) <= 253
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _ring_timeout_sec(value: Any) -> int:
    if value is None:
        return RING_TIMEOUT_SEC
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST_RING_SEC:
        raise ValueError(f"must be a whole number from 1 to {LONGEST_RING_SEC}")
    return value


def _while_ringing(value: Any) -> str:
    if value is None:
        return RING_BACK
    if not isinstance(value, str) or value not in WHILE_RINGING:
        raise ValueError(f"must be one of {', '.join(WHILE_RINGING)}")
    return value


def _headers(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MOST_HEADERS:
        raise ValueError(f"must be an object of at most {MOST_HEADERS} headers, such as {{'X-Queue': 'sales'}}")
    if sum(len(str(name)) + len(str(content)) for name, content in value.items()) > LONGEST_HEADERS:
        raise ValueError(f"must have at most {LONGEST_HEADERS} characters in all")
    return dict(value)


def _header_faults(headers: Mapping[str, Any], field: str) -> list[str]:
    names = [name.lower() for name in headers]
    checked = ((name, _header_fault(name, content, names)) for name, content in headers.items())
    return [f"{field}.{name} {fault}" for name, fault in checked if fault]


def _header_fault(name: str, content: Any, names: list[str]) -> str:
    if name.lower() not in _STANDARD and not _OWN.fullmatch(name):
        return f"must begin with 'X-', or be one of {', '.join(sorted(_STANDARD))}"
    if name.lower().startswith(_RESERVED):
        return "is one of Ringback's own"
    if names.count(name.lower()) > 1:
        return "is there twice"
    if not isinstance(content, str) or len(content) > LONGEST_VALUE or not _VALUE.fullmatch(content):
        return f"must be text of 1 to {LONGEST_VALUE} ASCII characters without line breaks"
    return ""


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "uri": _uri,
    "ring_timeout_sec": _ring_timeout_sec,
    "while_ringing": _while_ringing,
    "headers": _headers,
}

"""What a websocket agent can be told: where the bot listens, and with what it is asked."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ringback.errors import Invalid

LONGEST_URL = 2_000
MOST_HEADERS = 20
LONGEST_VALUE = 4_000

_KNOWN = ("url", "headers")
_URL = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_OURS = frozenset({"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"})
"""Headers that the handshake sets by itself, beside all of `Sec-WebSocket-`."""


def parse_websocket(raw: Mapping[str, Any], field: str = "settings", *, plain: bool = False) -> dict[str, Any]:
    """The settings of a websocket agent from their JSON object.

    Args:
        raw: the JSON object.
        field: how the caller calls it, for the messages.
        plain: whether the operator allows `ws://` to other machines.

    Returns:
        `url`, and `headers` by name. The values of headers are secrets.

    Raises:
        Invalid: one line for each entry that is wrong or not known.
    """
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'url': 'wss://bot.example.com/calls'}}"])
    faults = [f"{field}.{name} is not known; known are url, headers" for name in map(str, raw) if name not in _KNOWN]
    url = _url(raw.get("url"), f"{field}.url", plain, faults)
    headers = _headers(raw.get("headers"), f"{field}.headers", faults)
    if faults:
        raise Invalid(faults)
    return {"url": url, "headers": headers}


def _url(value: Any, field: str, plain: bool, faults: list[str]) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_URL or not _URL.fullmatch(value):
        faults.append(
            f"{field} must be the bot's address, such as 'wss://bot.example.com/calls', in at most {LONGEST_URL}"
            " characters of ASCII (a host name of other letters in its 'xn--' form)"
        )
        return ""
    fault = _fault(value, plain)
    if fault:
        faults.append(f"{field} {fault}")
    return value


def _fault(url: str, plain: bool) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no address that we can read"
    if parts.scheme not in ("ws", "wss") or not parts.hostname or port == 0:
        return "must begin with 'wss://' and a host"
    if parts.username is not None:
        return "must not have a user or a password in it, since it is shown; put them into an Authorization header"
    if parts.fragment:
        return "must not have a '#'"
    if parts.scheme == "ws" and not plain and not _is_here(parts):
        return (
            "must begin with 'wss://': a call's audio and token would pass the network in the clear"
            " (the operator can allow it by RINGBACK_PLAIN_WEBSOCKETS=1)"
        )
    return ""


def _is_here(parts: SplitResult) -> bool:
    """Whether it is this machine."""
    host = parts.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(value: Any, field: str, faults: list[str]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MOST_HEADERS:
        faults.append(
            f"{field} must be an object of at most {MOST_HEADERS} headers, such as {{'Authorization': '...'}}"
        )
        return {}
    seen: set[str] = set()
    for name, content in value.items():
        fault = _header_fault(str(name), content, seen)
        if fault:
            faults.append(f"{field}.{name} {fault}")
        seen.add(str(name).lower())
    return dict(value)


def _header_fault(name: str, content: Any, seen: set[str]) -> str:
    if not _HEADER.fullmatch(name):
        return "is no name of a header"
    if name.lower() in _OURS or name.lower().startswith("sec-websocket-"):
        return "is set by the handshake itself"
    if name.lower() in seen:
        return "is there twice"
    if not isinstance(content, str) or len(content) > LONGEST_VALUE or not _VALUE.fullmatch(content):
        return f"must be text of 1 to {LONGEST_VALUE} ASCII characters without line breaks"
    return ""

"""A SIP message as text, taken apart as far as we need it. Cited sections are of RFC 3261."""

import re
from collections.abc import Mapping, Sequence

_STATUS = re.compile(r"SIP/2\.0 (\d{3})(?: |\r|$)")
_FOLD = re.compile(r"\r?\n[ \t]+")
_QUOTED = r'"(?:\\.|[^"\\])*"'
_VALUE = re.compile(rf"(?:{_QUOTED}|<[^<>]*>|[^,])+")
_NAME = re.compile(_QUOTED)
_URI = re.compile(r"<([^>]+)>|(sips?:[^\s;,>]+)", re.IGNORECASE)
_TAG = re.compile(r";[ \t]*tag[ \t]*=[ \t]*([^\s;,]+)", re.IGNORECASE)

LONGEST = 4096
"""Characters of a value; what is longer is nothing that we want."""

_SHORT = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "s": "subject",
    "t": "to",
    "v": "via",
}
"""The names of one letter (section 7.3.3)."""

Headers = Mapping[str, Sequence[str]]
"""Values by long, lower-case name, in their order."""


def start_of(text: str) -> str:
    """The first line."""
    return text.partition("\n")[0].rstrip("\r")


def status_of(text: str) -> int | None:
    """The code of a response, None for a request."""
    match = _STATUS.match(text)
    return int(match[1]) if match else None


def headers_of(text: str) -> Headers:
    """The headers; one that goes on in the next line is one line again (section 7.3.1)."""
    found: dict[str, list[str]] = {}
    for line in _FOLD.sub(" ", _halves(text)[0]).split("\n")[1:]:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        found.setdefault(_SHORT.get(key, key), []).append(value.strip()[:LONGEST])
    return found


def body_of(text: str) -> str:
    """What follows the headers."""
    return _halves(text)[1]


def first(headers: Headers, name: str) -> str:
    """The first value of a header, empty where there is none."""
    return headers.get(name, [""])[0]


def values(headers: Headers, name: str) -> list[str]:
    """The values of a header that may have several in one line; a comma in quotes or brackets parts nothing."""
    parts = (part.strip() for line in headers.get(name, ()) for part in _VALUE.findall(line))
    return [part for part in parts if part]


def uri_of(value: str) -> str:
    """The URI of a Contact, a Route and the like; a bare one ends at its first semicolon (section 20.10)."""
    match = _URI.search(_NAME.sub("", value))
    return (match[1] or match[2]) if match else value


def tag_of(value: str) -> str:
    """The tag of a From or a To, empty where there is none."""
    match = _TAG.search(value.rpartition(">")[2] if ">" in value else value)
    return match[1] if match else ""


def _halves(text: str) -> tuple[str, str]:
    head, _, body = re.sub(r"\r\n", "\n", text).partition("\n\n")
    return head, body

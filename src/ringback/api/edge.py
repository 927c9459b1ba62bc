"""What every answer has, whoever gives it: headers for browsers, CORS where it is set, compression."""

from collections.abc import Sequence
from typing import Any

from ringback.api.compression import LEAST, takes_gzip, zipped

SECURITY: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""An answer that has one of them by itself, as a web page does, keeps it."""

UNSHARED = (b"cache-control", b"no-store")
"""Of answers that say nothing else: they are one key's alone."""

METHODS = b"GET, POST, PUT, PATCH, DELETE"
TAKEN = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range"
SHOWN = (
    b"ETag, X-Request-Id, Idempotent-Replayed, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, "
    b"X-RateLimit-Reset, Content-Range, Content-Disposition"
)
PREFLIGHT_SEC = b"600"

Message = dict[str, Any]


class Edge:
    """The application as it is asked from outside.

    Args:
        app: answers.
        origins: whose pages may ask; `*` for all, empty for none.
    """

    def __init__(self, app: Any, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shared = self._shared(scope)
        if scope["method"] == "OPTIONS" and shared and _header(scope, b"access-control-request-method"):
            await _preflight(send, shared)
            return
        # never what a POST made: a secret that is shown once would be compressed beside what its caller sent
        zips = scope["method"] == "GET" and takes_gzip((_header(scope, b"accept-encoding") or b"").decode("latin-1"))
        await self._app(scope, receive, _Sending(send, shared, zips=zips, varies=bool(self._origins)).send)

    def _shared(self, scope: Any) -> list[tuple[bytes, bytes]]:
        """The headers for a page of another origin, none where there is no such page or it may not ask."""
        origin = (_header(scope, b"origin") or b"").decode("latin-1")
        if not origin or not {origin, "*"} & self._origins:
            return []
        return [(b"access-control-allow-origin", origin.encode("latin-1"))]


class _Sending:
    """One answer on its way out."""

    def __init__(self, send: Any, shared: list[tuple[bytes, bytes]], *, zips: bool, varies: bool) -> None:
        self._send = send
        self._shared = shared
        self._zips = zips
        self._varies = varies
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Send it on; the beginning of a body that may be compressed waits for that body."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._headers(message)}
            if self._zips and _is_json(message):
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            start, message = await _compressed(start, message)
            await self._send(start)
        await self._send(message)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        headers = list(message["headers"])
        told = {name for name, _ in headers}
        headers += [header for header in (*SECURITY, UNSHARED) if header[0] not in told]
        if self._shared:
            headers += [*self._shared, (b"access-control-expose-headers", SHOWN)]
        if self._varies:
            headers.append((b"vary", b"Origin"))
        return headers


async def _preflight(send: Any, shared: list[tuple[bytes, bytes]]) -> None:
    headers = [
        *shared,
        (b"vary", b"Origin"),
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", TAKEN),
        (b"access-control-max-age", PREFLIGHT_SEC),
        *SECURITY,
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _compressed(start: Message, message: Message) -> tuple[Message, Message]:
    """An answer compressed, where it is whole and long enough."""
    body = message.get("body", b"")
    headers = [*start["headers"], (b"vary", b"Accept-Encoding")]
    if message.get("more_body") or len(body) < LEAST:
        return {**start, "headers": headers}, message
    small = await zipped(body)
    headers = [(name, b"%d" % len(small) if name == b"content-length" else value) for name, value in headers]
    return {**start, "headers": [*headers, (b"content-encoding", b"gzip")]}, {**message, "body": small}


def _is_json(message: Message) -> bool:
    return (b"content-type", b"application/json") in message["headers"]


def _header(scope: Any, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)

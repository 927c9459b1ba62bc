"""Answers as they are sent."""

from litestar.types import Receive, Scope, Send


class Reply:
    """An answer as it is sent: thinner than the framework's, for it is built for every request.

    Args:
        status: of HTTP.
        body: its bytes; none for 204 and 304.
        headers: lower case, beside those that say what the body is.
        content_type: of the body.
    """

    __slots__ = ("_body", "_content_type", "_headers", "status")

    def __init__(
        self, status: int, body: bytes, *headers: tuple[bytes, bytes], content_type: bytes = b"application/json"
    ) -> None:
        self.status = status
        self._content_type = content_type
        self._body = body
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 # ASGI calls it so
        """Send it."""
        headers = list(self._headers)
        if self._body:
            headers += ((b"content-type", self._content_type), (b"content-length", b"%d" % len(self._body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})

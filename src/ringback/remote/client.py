"""The API from the command line's side."""

from collections.abc import Callable
from typing import Any, BinaryIO

import httpx

from ringback.errors import Invalid, OurError, RingbackError

RESUMES = 3
"""A download that breaks off so often without one more byte is given up."""

UPLOAD_SEC = 1800.0
"""An import of millions of rows answers when all of them are stored."""


class ServerRefused(RingbackError):
    """The server answered with an error."""


class Client:
    """Speaks to one server with one key.

    Args:
        url: the server's.
        key: the API key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=httpx.Timeout(30.0, read=UPLOAD_SEC)
        )

    def get(self, path: str, **params: Any) -> Any:
        """The JSON behind a path.

        Raises:
            ServerRefused, Invalid: what the server answered.
            OurError: it did not answer.
        """
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: Any) -> Any:
        """Create something; raises as `get` does."""
        return self._ask("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """Change something; raises as `get` does."""
        return self._ask("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Delete something; raises as `get` does."""
        self._ask("DELETE", path)

    def upload(self, path: str, file: tuple[str, Any], fields: dict[str, str], **params: Any) -> Any:
        """Send a file; raises as `get` does."""
        return self._ask("POST", path, files={"file": file}, data=fields, params=params)

    def download(self, path: str, to: BinaryIO, told: Callable[[int], None]) -> None:
        """Write a file's bytes to another one, from where that one ends: what broke off goes on.

        Args:
            path: of the file.
            to: open for appending.
            told: how many bytes have come, each time that some have.

        Raises:
            ServerRefused, Invalid: what the server answered.
            OurError: it broke off again and again.
        """
        etag, left = "", RESUMES
        while True:
            begun = to.tell()
            headers = {"Range": f"bytes={begun}-", "If-Range": etag} if begun else {}
            try:
                with self._http.stream("GET", path, headers=headers) as answer:
                    if not answer.is_success:
                        answer.read()
                        raise _refusal(answer)
                    if answer.status_code != httpx.codes.PARTIAL_CONTENT and begun:
                        to.seek(0)
                        to.truncate()
                    etag = answer.headers.get("etag", "")
                    for block in answer.iter_raw():
                        to.write(block)
                        told(len(block))
                    return
            except httpx.TransportError as lost:
                left = RESUMES if to.tell() > begun else left - 1
                if not left:
                    raise OurError(f"no answer from {self._url} ({lost}): is `ringback serve` running there?") from lost

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as lost:
            raise OurError(f"no answer from {self._url} ({lost}): is `ringback serve` running there?") from lost
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> RingbackError:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        return ServerRefused(f"the server answered {answer.status_code}: is the URL that of a Ringback server?")
    if isinstance(message, list):
        return Invalid([str(line) for line in message])
    return ServerRefused(f"{message} ({answer.status_code})")

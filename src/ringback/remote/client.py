"""The API from the command line's side."""

from typing import Any

import httpx

from ringback.errors import Invalid, OurError, RingbackError

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

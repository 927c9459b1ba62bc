"""`ringback export` fetches what was made, also over a line that breaks."""

import io
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ringback.domain.export import Format, Kind
from ringback.errors import Invalid
from ringback.remote.client import Client
from ringback.remote.export import Wish, export

CONTENT = bytes(range(200))


class Breaking(BaseHTTPRequestHandler):
    """Sends 80 bytes more, of those that are wanted, and hangs up."""

    asked: list = []  # noqa: RUF012 # of the one test

    def do_GET(self):
        """One download."""
        wanted = self.headers.get("Range")
        self.asked.append((wanted, self.headers.get("If-Range")))
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - first))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(CONTENT[first : first + 80])
        self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


def test_download_that_breaks_off_goes_on():
    """From where it ended, and only of the same file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        to, counts = io.BytesIO(), []
        Client(f"http://127.0.0.1:{server.server_port}", "k").download("/file", to, counts.append)
        server.shutdown()
    assert to.getvalue() == CONTENT
    assert sum(counts) == len(CONTENT)
    assert Breaking.asked == [(None, None), ("bytes=80-", '"1"'), ("bytes=160-", '"1"')]


def test_file_says_its_format_or_an_option_does(tmp_path):
    """One that does not is refused before anything is asked for."""
    wish = Wish(Kind.CALLS, tmp_path / "calls.xlsx", None, None, {}, False, False)
    with pytest.raises(Invalid, match="does not end in"):
        export("http://127.0.0.1:9", "k", wish)
    assert Format("csv") in list(Format)

"""An embedded PostgreSQL server in a process of its own, so that the harness goes on while it is down.

Reads a word a line (`start`, `stop`, `restart`, `kill`) and answers each with a line once it is done. It ends, and the
server with it, when its input does.
"""

import os
import signal
import sys
from pathlib import Path

from ringback.store.embedded import EmbeddedPostgres

SETTINGS = {"max_connections": "150", "shared_buffers": "64MB"}
"""A connection that was cut is the server's for a while yet."""


def main(data: Path) -> None:
    """Do as told until the input ends."""
    server = EmbeddedPostgres(data, settings=SETTINGS)
    words = {"start": server.start, "stop": server.stop, "restart": server.restart, "kill": lambda: _kill(server)}
    try:
        for line in sys.stdin:
            words[line.strip()]()
            sys.stdout.write(f"{server.dsn if line.strip() != 'stop' else 'stopped'}\n")
            sys.stdout.flush()
    finally:
        server.stop()


def _kill(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    handle = os.pidfd_open(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOWAIT)
    os.close(handle)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

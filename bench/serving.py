"""The two servers of the history read, each run as a process: `python -m bench.serving ours|bare DSN HOST PORT`."""

import asyncio
import os
import sys
from pathlib import Path

from bench.bare_history import create_bare_app
from ringback import wiring
from ringback.api.server import Ending, serve
from ringback.config import REQUESTS_PER_MIN, Settings
from ringback.event_log import LogAndCount

UNLIMITED = str(10**9)


async def _serve(which: str, dsn: str, host: str, port: int) -> None:
    ending = Ending()
    # the parent closes our input when it is done, and so it does when it dies
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ending.stop.set)
    os.environ[REQUESTS_PER_MIN] = UNLIMITED  # one key asks for all
    if which == "ours":
        await wiring.serve_api(
            dsn, Settings(Path("/nonexistent"), host=host, port=port), LogAndCount(), ending, _say_ready
        )
    else:
        await serve(await create_bare_app(dsn, wiring.API_CONNECTIONS), host, port, ending, _say_ready)


def _say_ready() -> None:
    print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))

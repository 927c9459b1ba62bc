"""`python -m ringback.exporting`: makes one export in a process of its own.

Which one comes as JSON on standard input, the database in the environment.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from ringback import wiring
from ringback.clock import SystemClock
from ringback.config import DATABASE_URL
from ringback.exporting.make import Means, make
from ringback.store.database import API_SETTINGS, connect
from ringback.store.export_rows import reading
from ringback.store.exports import Beginning

NICE = 10
"""Who dials goes first."""


def main() -> None:
    """Make one; the folder of the server is the only argument."""
    os.nice(NICE)
    wiring.collect_seldom()
    beginning = msgspec.json.decode(sys.stdin.buffer.readline(), type=Beginning)
    asyncio.run(_make(beginning, os.environ[DATABASE_URL], Path(sys.argv[1])))


async def _make(beginning: Beginning, dsn: str, folder: Path) -> None:
    jobs = await connect(dsn, size=1, settings=API_SETTINGS)
    try:
        async with reading(dsn) as rows:
            await make(Means(jobs, rows, SystemClock(), folder), beginning)
    finally:
        await jobs.close()


if __name__ == "__main__":
    main()

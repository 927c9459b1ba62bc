"""One peer as a process: `python -m bench.peers pgqueuer|procrastinate|dbos fill|work DSN NUMBER`."""

import asyncio
import importlib
import os
import sys
from types import ModuleType


async def _run(peer: ModuleType, task: str, dsn: str, number: int) -> None:
    if task == "work":
        # the parent closes our input when it has counted, and so it does when it dies: what is committed stays
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), os._exit, 0)
    await getattr(peer, task)(dsn, number)


if __name__ == "__main__":
    named = importlib.import_module(f"bench.peers.{sys.argv[1]}")
    with asyncio.Runner(loop_factory=getattr(named, "new_event_loop", None)) as runner:
        runner.run(_run(named, sys.argv[2], sys.argv[3], int(sys.argv[4])))

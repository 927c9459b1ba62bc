"""`python -m ringback.planning`: makes a plan in a process of its own, so that nobody else waits.

An order comes as JSON on standard input, the database in the environment; the plan, or why there is none, is JSON on
standard output.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from ringback import wiring
from ringback.config import DATABASE_URL, rules_dir, secret_key
from ringback.domain.plan import Order
from ringback.errors import CallerError, NotFound
from ringback.planning.foresee import Plan, foresee, read_plan
from ringback.planning.told import Json, show_plan
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.campaigns import CampaignRow, find_campaign
from ringback.store.database import API_SETTINGS, connect
from ringback.store.explain import reading_much

NICE = 10
"""Who dials goes first."""


def main() -> None:
    """Answer one order; the folder of the server is the only argument."""
    os.nice(NICE)
    wiring.collect_seldom()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        told: Json = asyncio.run(_plan(order, os.environ[DATABASE_URL], Path(sys.argv[1])))
    except CallerError as refused:
        told = {"code": refused.code, "message": refused.message}
    sys.stdout.buffer.write(msgspec.json.encode(told))


async def _plan(order: Order, dsn: str, folder: Path) -> Json:
    campaign, plan = await make_plan(order, dsn, folder)
    return show_plan(campaign, plan)


async def make_plan(order: Order, dsn: str, folder: Path) -> tuple[CampaignRow, Plan]:
    """Read what is asked for, and play it.

    Raises:
        NotFound, Impossible: there is no such campaign any more, it takes too long to read, or there is no history.
    """
    shelf, sealer = Shelf(rules_dir()), Sealer(folder, secret_key())
    database = await connect(dsn, size=1, settings=API_SETTINGS)
    try:
        async with reading_much(database) as db:
            found = await find_campaign(db, order.workspace_no, order.campaign)
            if found is None:
                raise NotFound("campaign_not_found", "this workspace has no such campaign")
            stage, answers = await read_plan(db, found, order, shelf, wiring.longest_of(sealer))
    finally:
        await database.close()
    return found, foresee(stage, answers)


if __name__ == "__main__":
    main()

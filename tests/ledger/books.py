"""Ledgers as tests read them."""

from tests.world import World

from ringback.engine.engine import Engine
from ringback.ledger.read import entries_of


async def book(engine: Engine) -> None:
    """Enter all that has ended."""
    while await engine.bookkeeper.run_once():
        pass


async def lines_of(world: World) -> list[bytes]:
    """All entries of a world's ledger."""
    async with world.database.connection() as db:
        return [line async for line in entries_of(db, world.workspace_no)]

"""Sets of time zones: a few hundred serve millions of numbers."""

from collections.abc import Iterable

from ringback.domain.window import Zones
from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("zones")


async def zone_set_numbers(db: Connection, sets: Iterable[Zones]) -> dict[Zones, int]:
    """The numbers of these sets, kept now where they were not known before.

    Args:
        db: a connection without a transaction: who else needs a new set waits until it is committed.
        sets: each as the numbering library or the lead gives it.
    """
    wanted = sorted(set(sets))
    found = {zones: await db.fetchval(_SQL["find_zone_set"], list(zones)) for zones in wanted}
    if missing := [zones for zones, number in found.items() if number is None]:
        async with db.transaction():
            await db.execute(_SQL["lock_zone_sets"])
            for zones in missing:
                found[zones] = await _keep(db, zones)
    return found


async def _keep(db: Connection, zones: Zones) -> int:
    there: int | None = await db.fetchval(_SQL["find_zone_set"], list(zones))  # kept while we waited for the lock
    number: int = there or await db.fetchval(_SQL["add_zone_set"], list(zones))
    return number

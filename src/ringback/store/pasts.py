"""How the calls of a span went, one by one, with what their redials followed from."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg
from whenever import Instant

from ringback.domain.outcome import EndReason
from ringback.domain.past import Past, Tried
from ringback.domain.retry import Bounds
from ringback.store.analytics import Scope, bound, too_large
from ringback.store.database import Connection, Database, Record
from ringback.store.queries import load
from ringback.store.windows import country_at, hours_at, read_window, window_of

_SQL = load("pasts")

MOST_CALLS = 20_000
"""More would not make an interval much narrower, and each is walked along two policies."""

_SLICES = 65_536


@dataclass(frozen=True, slots=True)
class Pasts:
    """Calls that were dialled.

    Attributes:
        calls: those that are looked at: at least one attempt of each is over.
        made: how many were made in the span.
    """

    calls: list[Past]
    made: int


async def read_pasts(database: Database, scope: Scope, most: int = MOST_CALLS) -> Pasts:
    """The calls that were made in a scope, or about `most` of them, drawn evenly and always the same.

    Raises:
        Impossible: `analysis_too_large`: it takes too long.
    """
    key = (scope.workspace_no, _made_at(scope.begins_at), _made_at(scope.ends_at), scope.campaign_no)
    async with database.transaction() as db:
        await bound(db)
        try:
            made: int = await db.fetchval(_SQL["count_pasts"], *key)
            rows = await _read(db, *key, min(_SLICES, most * _SLICES // max(made, 1)))
        except asyncpg.QueryCanceledError as late:
            raise too_large() from late
    return Pasts([_past(row) for row in rows], made)


async def _read(db: Connection, *key: object) -> list[Record]:
    return list(await db.fetch(_SQL["pasts"], *key))


def _made_at(at: Instant) -> UUID:
    """The least id that a call which was made at `at` can have."""
    return UUID(int=at.timestamp(unit="millisecond") << 80)


def _past(row: Record) -> Past:
    columns = (row["reasons"], row["called"], row["ended"], row["talked"], row["due"], row["rules"])
    tried = tuple(Tried(EndReason(reason), *rest) for reason, *rest in zip(*columns, strict=True))
    alone = row["window_start_min"] is None
    window = read_window(row["calling_window"]) if alone else window_of(row)
    country = country_at(row["to_number"], row["region"])
    hours, holidays = ((), None) if window is None else hours_at(window, country, row["region"])
    return Past(tried, row["created_at"], Bounds(hours, tuple(row["zones"]), row["ends_at"], holidays), row["expired"])

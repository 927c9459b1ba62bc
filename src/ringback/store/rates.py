"""Rate decks: what carriers charge by the beginning of the number, in versions that hold from a date."""

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.billing import Billing, DeckVersion
from ringback.domain.rates import Rate
from ringback.errors import Conflict
from ringback.ids import TRUNK, show
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("rates")

AT_ONCE = 10_000
"""Rates in one statement."""


class Dialled(NamedTuple):
    """A dial whose rate is wanted."""

    workspace_no: int
    deck_id: UUID
    number: str
    at: Instant


async def rates_of(db: Connection, dials: Sequence[Dialled]) -> dict[int, Billing]:
    """What their decks charge for these dials, by their place; what no deck tells of is missing."""
    rows = await db.fetch(_SQL["rates_of"], *columns(dials, width=4))
    return {row["place"] - 1: _billing(row, row["currency"]) for row in rows}


async def create_deck(db: Connection, workspace_no: int, deck_id: UUID, name: str, currency: str, now: Instant) -> None:
    """Make a deck, in a transaction that gives it its first version."""
    await db.execute(_SQL["create_deck"], workspace_no, deck_id, name, currency, now)


async def lock_deck(db: Connection, workspace_no: int, deck_id: UUID) -> str | None:
    """Hold a deck until the transaction ends; its currency, None where the workspace has no such deck."""
    currency: str | None = await db.fetchval(_SQL["lock_deck"], workspace_no, deck_id)
    return currency


async def rename_deck(db: Connection, workspace_no: int, deck_id: UUID, name: str) -> None:
    """Give a deck another name."""
    await db.execute(_SQL["rename_deck"], workspace_no, deck_id, name)


async def delete_deck(db: Connection, workspace_no: int, deck_id: UUID) -> None:
    """Delete a deck that is held, with its versions.

    Raises:
        Conflict: `rate_deck_in_use`.
    """
    trunks = await trunks_of(db, workspace_no, [deck_id])
    if trunks:
        raise Conflict(
            "rate_deck_in_use",
            f"calls over {len(trunks)} trunks are charged by this deck, such as {show(TRUNK, trunks[0]['trunk_id'])}: "
            "give them another rate_deck_id, or null, first",
        )
    await db.execute(_SQL["delete_deck"], workspace_no, deck_id)


async def add_version(
    db: Connection, workspace_no: int, deck_id: UUID, rates: Sequence[Rate], valid_from: Instant, now: Instant
) -> int:
    """Give a deck that is held its next version; returns its number."""
    version: int = await db.fetchval(_SQL["add_version"], workspace_no, deck_id, valid_from, len(rates), now)
    ordered = sorted(rates, key=itemgetter(0))
    for first in range(0, len(ordered), AT_ONCE):
        some = columns(ordered[first : first + AT_ONCE])
        await db.execute(_SQL["add_rates"], workspace_no, deck_id, version, *some)
    return version


async def find_decks(db: Connection, workspace_no: int, deck_ids: Sequence[UUID]) -> list[Record]:
    """Those of these decks that the workspace has."""
    return list(await db.fetch(_SQL["some_decks"], workspace_no, deck_ids))


async def list_decks(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's decks, newest first."""
    return await read_part(db, _SQL["decks"], _SQL["count_decks"], (workspace_no,), part)


async def read_versions(db: Connection, workspace_no: int, deck_ids: Sequence[UUID]) -> list[Record]:
    """The versions of these decks, oldest first."""
    return list(await db.fetch(_SQL["versions"], workspace_no, deck_ids))


async def trunks_of(db: Connection, workspace_no: int, deck_ids: Sequence[UUID]) -> list[Record]:
    """The trunks that are charged by these decks."""
    return list(await db.fetch(_SQL["deck_trunks"], workspace_no, deck_ids))


async def read_rates(
    db: Connection, workspace_no: int, deck_id: UUID, version: int, after: str, limit: int, number: str | None = None
) -> list[Record]:
    """Rates of a version in the order of their beginnings, from the one after `after` on.

    With a number those alone that it begins with: the last of them is the one that counts.
    """
    return list(await db.fetch(_SQL["rates"], workspace_no, deck_id, version, after, limit, number))


async def read_deck(db: Connection, workspace_no: int, deck_id: UUID) -> tuple[DeckVersion, ...]:
    """A whole deck, for who reckons what dials would cost."""
    versions: dict[int, DeckVersion] = {}
    for row in await db.fetch(_SQL["whole_deck"], workspace_no, deck_id):
        version = versions.setdefault(row["version"], DeckVersion(row["version"], row["valid_from"], {}))
        rates: dict[str, Billing] = version.rates  # type: ignore[assignment]  # it is being made
        rates[row["prefix"]] = _billing(row, row["currency"])
    return tuple(versions.values())


async def give_deck(db: Connection, workspace_no: int, trunk_no: int, deck_id: UUID | None) -> None:
    """Charge calls over a trunk by a deck, those that are settled from now on; None is by its own tariff alone."""
    await db.execute(_SQL["give_deck"], workspace_no, trunk_no, deck_id)


def _billing(row: Record, currency: str) -> Billing:
    return Billing(row["per_minute_micros"], currency, row["first_sec"], row["next_sec"], row["connect_micros"])

"""Budgets: what a workspace and each of its campaigns may spend, and what they have spent."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from whenever import Instant

from ringback.errors import Impossible
from ringback.store.database import Connection, Record
from ringback.store.older import check_no_older
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("budgets")

WORKSPACE = 0
"""In the place of a campaign's number: the budget of the whole workspace."""

DEFAULT_CURRENCY = "USD"

Key = tuple[int, int]
"""(workspace_no, campaign_no)."""


class Budget(NamedTuple):
    """A budget, in millionths of one unit of its currency.

    Attributes:
        amount_micros: what may be spent, None for no bound.
        spent_micros: what ended attempts have cost.
        currency: of both.
        counted_from: since when; None from the campaign's first attempt on.
    """

    amount_micros: int | None
    spent_micros: int
    currency: str
    counted_from: Instant | None

    @property
    def is_spent(self) -> bool:
        """Whether nothing is dialled on it any more."""
        return is_spent(self.amount_micros, self.spent_micros)


def is_spent(amount_micros: int | None, spent_micros: int | None) -> bool:
    """Whether a budget is used up; both None where there is none."""
    return amount_micros is not None and spent_micros is not None and spent_micros >= amount_micros


async def spent_of(db: Connection, keys: Iterable[Key]) -> set[Key]:
    """Those of these budgets that are used up. All are held: what ends meanwhile is paid after this transaction."""
    rows = await db.fetch(_SQL["hold_budgets"], *columns(sorted(set(keys)), width=2))
    return {
        (row["workspace_no"], row["campaign_no"]) for row in rows if is_spent(row["amount_micros"], row["spent_micros"])
    }


async def read_budget(db: Connection, workspace_no: int, campaign_no: int = WORKSPACE) -> Budget | None:
    """A budget, None where there was never one."""
    row = await db.fetchrow(_SQL["budget"], workspace_no, campaign_no)
    return row and Budget(*row)


async def set_budget(
    db: Connection, workspace_no: int, campaign_no: int, amount_micros: int | None, now: Instant
) -> None:
    """Give a workspace or a campaign another budget, in a transaction that holds the campaign.

    Claims that come after its commit go by it. Who had none has all that the campaign has cost, or, for a workspace,
    begins to count now.

    Raises:
        Conflict: `older_release_lives`: a server lives that would spend uncounted.
        Impossible: `another_currency`: trunks or decks of the workspace charge in several.
    """
    key, known = (workspace_no, campaign_no), await read_budget(db, workspace_no, campaign_no)
    if amount_micros is None and known is None:
        return
    if amount_micros is not None:
        await check_no_older(db, "budgets", now)
    if known is not None and known.amount_micros is not None:  # claims look at it already, and its currency stays
        await db.fetchval(_SQL["change_amount"], *key, amount_micros, now, known.currency)
        return
    currency = await settle_currency(db, workspace_no, None)
    await db.execute(_SQL["budgeted"], workspace_no)
    if await db.fetchval(_SQL["change_amount"], *key, amount_micros, now, currency) is None:
        await db.execute(_SQL["hold_ends"])  # last of all: whoever ends attempts holds nothing that we wait for
        await db.execute(_SQL["first_amount"], *key, amount_micros, currency, now)


async def settle_currency(db: Connection, workspace_no: int, wanted: str | None) -> str:
    """The one currency of the workspace's money, chosen if it has none yet; held until the transaction ends.

    Args:
        db: in a transaction.
        workspace_no: the tenant.
        wanted: in which something is to be counted or charged; None for whichever it is.

    Raises:
        Impossible: `another_currency`.
    """
    current: str | None = await db.fetchval(_SQL["hold_money"], workspace_no)
    charging = await db.fetch(_SQL["prices"], workspace_no)
    if wanted is current is None:
        _check_one(charging)
    chosen = wanted or current or (charging[0]["currency"] if charging else DEFAULT_CURRENCY)
    if current is not None and wanted not in (None, current):
        raise _another(chosen, current, "the workspace")
    _check_all(charging, chosen)
    if current is None:
        await db.execute(_SQL["set_currency"], workspace_no, chosen)
    return chosen


async def change_currency(db: Connection, workspace_no: int, currency: str) -> None:
    """Count in another currency, where nothing charges in one yet.

    Raises:
        Impossible: `another_currency`.
    """
    await db.fetchval(_SQL["hold_money"], workspace_no)
    _check_all(await db.fetch(_SQL["prices"], workspace_no), currency)
    await db.execute(_SQL["set_currency"], workspace_no, currency)


async def check_currency(db: Connection, workspace_no: int, wanted: str) -> None:
    """Refuse a price in another currency than the workspace's, if it has one; held until the transaction ends.

    Raises:
        Impossible: `another_currency`.
    """
    current = await db.fetchval(_SQL["hold_currency"], workspace_no)
    if current not in (None, wanted):
        raise _another(wanted, current, "the workspace")


def _check_one(charging: Sequence[Record]) -> None:
    by = {row["currency"]: row["name"] for row in charging}
    if len(by) > 1:
        told = ", ".join(f"{name} in {currency}" for currency, name in by.items())
        raise Impossible(
            "another_currency",
            f"a budget has one currency, and this workspace charges in several ({told}): convert the prices, or use a "
            "workspace for each",
        )


def _check_all(charging: Sequence[Record], wanted: str) -> None:
    for row in charging:
        if row["currency"] != wanted:
            raise _another(wanted, row["currency"], row["name"])


def _another(wanted: str, current: str, whose: str) -> Impossible:
    return Impossible(
        "another_currency",
        f"this is in {wanted}, and {whose} counts in {current}: budgets, rate decks and tariffs of a workspace have "
        f"one currency; convert the prices to {current}, or use a workspace of its own",
    )

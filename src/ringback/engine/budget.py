"""Budget: nothing is dialled on a budget that is used up, whoever claims at the same moment."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ringback.engine.live import LiveAttempt
from ringback.events import BudgetRaised, BudgetSpent, Publish
from ringback.ids import CAMPAIGN, WORKSPACE, show
from ringback.store.budgets import WORKSPACE as WHOLE
from ringback.store.budgets import Key, is_spent, spent_of
from ringback.store.database import Connection, Record


class _Seen(NamedTuple):
    """A budget as a lane's row has it."""

    key: Key
    shown: str
    amount_micros: int | None
    spent_micros: int


class Budgets:
    """Passes by the lanes without money, and tells when that begins and when it is over.

    Args:
        publish: told of both.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._spent: set[Key] = set()

    def allowed(self, lanes: Sequence[Record]) -> list[Record]:
        """Those of these lanes whose budgets have something left."""
        seen = {one.key: one for row in lanes for one in _seen(row)}
        spent = {key for key, one in seen.items() if is_spent(one.amount_micros, one.spent_micros)}
        for key in sorted(spent - self._spent):
            self._publish(BudgetSpent(seen[key].shown, seen[key].spent_micros, seen[key].amount_micros or 0))
        for key in sorted(self._spent & (seen.keys() - spent)):
            self._publish(BudgetRaised(seen[key].shown))
        self._spent = (self._spent - seen.keys()) | spent
        return [row for row in lanes if spent.isdisjoint(one.key for one in _seen(row))] if spent else list(lanes)


def _seen(row: Record) -> Iterable[_Seen]:
    workspace_no, campaign_no = row["workspace_no"], row["campaign_no"]
    if row["workspace_spent"] is not None:
        shown = show(WORKSPACE, row["workspace_id"])
        yield _Seen((workspace_no, WHOLE), shown, row["workspace_budget"], row["workspace_spent"])
    if row["campaign_spent"] is not None:
        shown = show(CAMPAIGN, row["campaign_id"])
        yield _Seen((workspace_no, campaign_no), shown, row["campaign_budget"], row["campaign_spent"])


class BudgetReached(Exception):
    """A budget was used up since the claim looked at its lanes: what it has taken goes back as it was."""


async def hold_budgets(db: Connection, intents: Iterable[LiveAttempt], workspaces: Collection[int]) -> None:
    """Hold the budgets of a claim's dials until it is committed: attempts that end meanwhile are paid after it.

    So whoever is dialled is up at the moment in which a budget is reached, and nobody is dialled after it.

    Args:
        db: a connection in the claim's transaction, which holds the workspaces.
        intents: the dials.
        workspaces: those that have budgets.

    Raises:
        BudgetReached: one of them is used up.
    """
    lanes = {attempt.route.lane[:2] for attempt in intents if attempt.key[0] in workspaces}
    if lanes and await spent_of(db, lanes | {(workspace_no, WHOLE) for workspace_no, _ in lanes}):
        raise BudgetReached

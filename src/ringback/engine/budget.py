"""Budget: nothing is dialled on a budget that is used up, whoever claims at the same moment."""

from collections.abc import Collection, Iterable

from ringback.engine.live import LiveAttempt
from ringback.store.budgets import WORKSPACE, spent_of
from ringback.store.database import Connection


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
    if lanes and await spent_of(db, lanes | {(workspace_no, WORKSPACE) for workspace_no, _ in lanes}):
        raise BudgetReached

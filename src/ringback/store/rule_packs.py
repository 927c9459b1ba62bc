"""Who chose which rule packs. The packs themselves are files, and not in the database."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("rule_packs")


class RuledRow(NamedTuple):
    """Who names rule packs.

    Attributes:
        kind: `workspace` or `campaign`.
        name: its own.
        rule_packs: the names.
    """

    kind: str
    name: str
    rule_packs: Sequence[str]


async def rule_workspace(db: Connection, workspace_no: int, names: Sequence[str]) -> None:
    """Bind all dials of a workspace by these packs."""
    await db.execute(_SQL["rule_workspace"], workspace_no, list(names))


async def give_purpose(db: Connection, workspace_no: int, purpose: str | None) -> None:
    """Say what the calls of a workspace are for, where its campaigns do not; None takes it back."""
    await db.execute(_SQL["give_purpose"], workspace_no, purpose)


async def rule_campaign(
    db: Connection, workspace_no: int, campaign_id: UUID, names: Sequence[str], purpose: str | None
) -> None:
    """Bind the dials of a campaign by these packs besides its workspace's, and say what its calls are for."""
    await db.execute(_SQL["rule_campaign"], workspace_no, campaign_id, list(names), purpose)


async def read_rule_packs(db: Connection) -> list[RuledRow]:
    """The workspaces, and the campaigns that run or are paused, that name packs."""
    return [RuledRow(*row) for row in await db.fetch(_SQL["chosen_packs"])]

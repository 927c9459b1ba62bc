"""What whoever handles a call is told of it before it is placed."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("briefings")


class Briefing(NamedTuple):
    """An agent and a call, in the order of the statement.

    Attributes:
        workspace_no: of both.
        call_id: which call.
        agent_id: which agent.
        kind: the agent's.
        settings: the agent's, JSON.
        variables: the call's, JSON; None where it has none.
        name: of the person, None where it is not known.
        campaign: the campaign's name, None for a call without one.
    """

    workspace_no: int
    call_id: UUID
    agent_id: UUID
    kind: str
    settings: str
    variables: str | None
    name: str | None
    campaign: str | None


async def read_briefings(db: Connection, calls: Iterable[tuple[int, UUID]]) -> list[Briefing]:
    """One for each of these calls, named by workspace and id, that has an agent."""
    rows = await db.fetch(_SQL["briefings"], *columns(calls, width=2))
    return [Briefing(*row) for row in rows]

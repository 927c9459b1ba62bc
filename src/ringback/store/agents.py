"""Agents: what handles a call once a person answers."""

from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("agents")


async def create_agent(
    db: Connection, workspace_no: int, agent_id: UUID, name: str, kind: str, settings: str, now: Instant
) -> Record:
    """Keep a new agent; `settings` is JSON."""
    return await db.fetchrow(_SQL["create_agent"], workspace_no, agent_id, name, kind, settings, now)


async def find_agent(db: Connection, workspace_no: int, agent_id: UUID) -> Record | None:
    """The agent, None where the workspace has no such agent."""
    return await db.fetchrow(_SQL["agent"], workspace_no, agent_id)


async def lock_agent(db: Connection, workspace_no: int, agent_id: UUID) -> Record | None:
    """The agent, which nobody else changes until the end of the transaction."""
    return await db.fetchrow(_SQL["lock_agent"], workspace_no, agent_id)


async def change_agent(db: Connection, workspace_no: int, agent_id: UUID, name: str, settings: str) -> Record:
    """Change an agent that is there; `settings` is JSON."""
    return await db.fetchrow(_SQL["change_agent"], workspace_no, agent_id, name, settings)


async def list_agents(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's agents, newest first."""
    return await read_part(db, _SQL["agents"], _SQL["count_agents"], (workspace_no,), part)

"""Rows beside those of a world: a call of no campaign, another campaign."""

from uuid import UUID

from tests.world import NOON, World
from whenever import Instant


async def single_call(world: World, *, n: int = 1, due_at: Instant = NOON, agent: UUID | None = None) -> UUID:
    """A call of no campaign: at most two dials, ten minutes apart, to a number that no lead has; returns its id."""
    made = UUID(int=n)
    await world.value(
        """WITH call AS (
            INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, retry, created_at,
                agent_id)
            VALUES ($1, $2, 0, $3, '+14155550999', 1, '{"max_attempts": 2, "after": {"no-answer": ["10m"]}}', $4, $5)
            RETURNING *
        )
        INSERT INTO queue SELECT workspace_no, call_id, 0, trunk_no, 1, created_at FROM call""",
        world.workspace_no,
        made,
        world.trunk_no,
        due_at,
        agent,
    )
    return made


async def second_campaign(world: World) -> int:
    """Another campaign that runs, as the first in all but its name and without leads; returns its number."""
    number: int = await world.value(
        """INSERT INTO campaigns (workspace_no, campaign_id, name, trunk_no, status, retry, window_start_min,
            window_end_min, created_at)
        SELECT workspace_no, gen_random_uuid(), 'second', trunk_no, 'running', retry, window_start_min,
            window_end_min, created_at FROM campaigns
        RETURNING campaign_no"""
    )
    await world.value("INSERT INTO limits VALUES ($1, 'campaign', $2)", world.workspace_no, number)
    return number


async def dial_from_a_number(world: World, cap: int) -> None:
    """The campaign dials from a caller number that has a cap."""
    number = "+14155550100"
    await world.value("UPDATE campaigns SET from_number = $1", number)
    await world.value(
        """WITH made AS (
            INSERT INTO caller_numbers (workspace_no, caller_id, number, created_at)
            VALUES ($1, gen_random_uuid(), $2, $3) RETURNING caller_no
        )
        INSERT INTO limits SELECT $1, 'caller', caller_no, $4 FROM made""",
        world.workspace_no,
        number,
        NOON,
        cap,
    )


async def an_agent(world: World, n: int, *, kind: str = "message", settings: str = "{}") -> UUID:
    """The n-th agent of a world's workspace; returns its id."""
    made = UUID(int=n)
    await world.value(
        "INSERT INTO agents VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)",
        world.workspace_no,
        made,
        f"agent {n}",
        kind,
        settings,
        NOON,
    )
    return made


async def a_decision(world: World, call_id: UUID, attempt: int = 1) -> None:
    """A dial of a call was withheld, for the hour."""
    await world.value(
        """INSERT INTO decisions (workspace_no, call_id, decision_id, attempt, rule, inputs, next_at, first_at, last_at)
        VALUES ($1, $2, $3, $4, 'calling_window', '{"timezone": "UTC"}', $5, $5, $5)""",
        world.workspace_no,
        call_id,
        world.ids.new(NOON),
        attempt,
        NOON,
    )


async def an_attempt(
    world: World, call_id: UUID, attempt: int = 1, *, ended_at: Instant | None = NOON, node_no: int = 0, **also: str
) -> UUID:
    """An attempt of a call, that was answered and is over unless `ended_at` is None; returns its id.

    Args:
        world: where the call is.
        call_id: which.
        attempt: its ordinal.
        ended_at: when it ended.
        node_no: who placed it.
        also: `details`, JSON.
    """
    made = world.ids.new(world.clock.now())
    over = ended_at is not None
    await world.value(
        """INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no,
            policy_version, status, intent_at, called_at, answered_at, ended_at, end_reason, stop_reason, details)
        VALUES ($1, $2, $3, $4, 0, $5, $6, 1, $7, $8, $8, $8, $9, $10, $11, $12::text::jsonb)""",
        world.workspace_no,
        call_id,
        attempt,
        made,
        world.trunk_no,
        node_no,
        "completed" if over else "in-progress",
        NOON,
        ended_at,
        "user_disconnected" if over else None,
        "reached" if over else None,
        also.get("details"),
    )
    return made

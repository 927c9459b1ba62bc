"""Calls as they are asked for and looked at. The engine moves them in queue.py and attempts.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.attempt import AttemptState
from ringback.domain.call import FINAL, CallState
from ringback.ids import first_id
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part
from ringback.store.queries import load

_SQL = load("calls")

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


class NewCall(NamedTuple):
    """The columns of a single call, in the order of the statement.

    Attributes:
        workspace_no: the tenant.
        call_id: its id.
        trunk_no: over which trunk it goes.
        agent_id: who talks, None where nobody does yet.
        to_number: E.164.
        from_number: the caller number, None for the trunk's own.
        name: of the person, None where it is not known.
        zone_set_no: where the number may ring.
        variables: JSON.
        retry: the policy in its long form, JSON.
        created_at: and due at.
        calling_window: JSON; None for any hour.
        region: ISO 3166-2, None where it is not known.
        zone_source: who said where the number may ring.
        retry_policy_id: the named policy that `retry` is, None where it is none.
        retry_policy_version: which version of it.
        consent_at: when who is called agreed to it, None where nobody knows.
        consent_expires_at: no dial from then on, None for no end.
        caller_pool_no: from which pool its caller number is, None for none.
        debt_id: the debt that it is about, None for none.
    """

    workspace_no: int
    call_id: UUID
    trunk_no: int
    agent_id: UUID | None
    to_number: str
    from_number: str | None
    name: str | None
    zone_set_no: int
    variables: str
    retry: str
    created_at: Instant
    calling_window: str | None
    region: str | None
    zone_source: str
    retry_policy_id: UUID | None = None
    retry_policy_version: int | None = None
    consent_at: Instant | None = None
    consent_expires_at: Instant | None = None
    caller_pool_no: int | None = None
    debt_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are wanted; None is all.

    Attributes:
        campaign_no: of this campaign, 0 for the single calls.
        agent_id: of this agent, its own or its campaign's.
        status: in this state.
        final_reason: final for this reason.
        to_number: to this number in E.164.
        from_number: from this one, its own or its campaign's.
        end_reason: of the last attempt.
        min_duration_sec: of the last attempt, at least.
        max_duration_sec: of the last attempt, at most.
        min_attempts: at least so many.
        max_attempts: at most so many.
        since: made then or later.
        until: made before then.
    """

    campaign_no: int | None = None
    agent_id: UUID | None = None
    status: CallState | None = None
    final_reason: str | None = None
    to_number: str | None = None
    from_number: str | None = None
    end_reason: str | None = None
    min_duration_sec: int | None = None
    max_duration_sec: int | None = None
    min_attempts: int | None = None
    max_attempts: int | None = None
    since: Instant | None = None
    until: Instant | None = None


async def create_call(db: Connection, call: NewCall) -> None:
    """Make a single call, due at once."""
    await db.execute(_SQL["create_call"], *call)


async def find_call(db: Connection, workspace_no: int, call_id: UUID) -> Record | None:
    """The call with the sums of its attempts, None where the workspace has no such call."""
    return await db.fetchrow(_SQL["calls"], workspace_no, [call_id])


async def list_calls(db: Connection, workspace_no: int, wanted: CallFilter, part: Part) -> Listing:
    """The calls that the filter lets through, newest first."""
    final = wanted.status if wanted.status in FINAL else None
    unfinished = None if final else wanted.status
    filters = (
        *(wanted.agent_id, final, wanted.final_reason, wanted.to_number, unfinished, wanted.from_number),
        *(wanted.end_reason, wanted.min_duration_sec, wanted.max_duration_sec),
        *(wanted.min_attempts, wanted.max_attempts, first_id(wanted.since) if wanted.since else FIRST),
    )
    until = first_id(wanted.until) if wanted.until else LAST
    if wanted.campaign_no is None:
        find, count, scope = _SQL["find_calls"], _SQL["count_calls"], (workspace_no,)
    else:
        find, count = _SQL["find_campaign_calls"], _SQL["count_campaign_calls"]
        scope = (workspace_no, wanted.campaign_no)  # type: ignore[assignment]
    rows = await db.fetch(find, *scope, *filters, min(part.before or LAST, until), part.limit + 1, part.offset)
    total = None if part.before else await db.fetchval(count, *scope, *filters, until)
    ids = [row["call_id"] for row in rows[: part.limit]]
    return Listing(await _read(db, workspace_no, ids), len(rows) > part.limit, total)


async def _read(db: Connection, workspace_no: int, call_ids: Sequence[UUID]) -> list[Record]:
    return await db.fetch(_SQL["calls"], workspace_no, call_ids) if call_ids else []


def call_state(final_status: str | None, live_status: str | None, next_attempt: int | None) -> CallState:
    """The state of a call, read off its row, its live attempt and its place in the queue: see domain/call.py."""
    if final_status is not None:
        return CallState(final_status)
    if live_status is not None:
        return CallState.IN_PROGRESS if live_status == AttemptState.IN_PROGRESS else CallState.DIALING
    return CallState.SCHEDULED if next_attempt is not None and next_attempt > 1 else CallState.QUEUED

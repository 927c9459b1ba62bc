"""The least that can answer a call's history: Starlette, asyncpg and msgspec, and no key asked for."""

from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringback.ids import ATTEMPT, CALL, read, show
from ringback.store.database import API_SETTINGS
from ringback.store.queries import load

WORKSPACE_NO = 1
_HISTORY = load("history")["history"]
_encode = msgspec.json.Encoder().encode


class Attempt(msgspec.Struct):
    """One attempt as the contract has it."""

    attempt: int
    status: str
    duration_sec: int
    called_at: datetime | None
    end_reason: str | None
    ring_sec: int
    answered_by: str | None
    from_number: str | None
    trunk: str | None
    sip_code: int | None
    billed_sec: int
    cost_micros: int
    currency: str | None
    retry: dict[str, Any]
    id: str
    answered_at: datetime | None
    ended_at: datetime | None
    policy_version: int
    details: Any


class History(msgspec.Struct):
    """The answer."""

    call_id: str
    data: list[Attempt]
    status: str
    final: bool
    final_reason: str | None
    next_attempt_at: datetime | None
    totals: dict[str, Any]


async def create_bare_app(dsn: str, connections: int) -> Starlette:
    """The handler on its path, with a pool of so many connections."""
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=connections, reset=_keep, server_settings={"timezone": "UTC", **API_SETTINGS}
    )

    async def handle(request: Request) -> Response:
        call_id = read(CALL, request.path_params["id"])
        rows = await pool.fetch(_HISTORY, WORKSPACE_NO, call_id)
        return Response(_encode(_history(request.path_params["id"], rows)), media_type="application/json")

    return Starlette(routes=[Route("/v1/call-logs/{id}/retries", handle)])


async def _keep(_: Any) -> None:
    """No round trip when a connection is handed back, as ours has none."""


def _history(call_id: str, rows: list[asyncpg.Record]) -> History:
    attempts = [_attempt(row) for row in rows]
    first = rows[0]
    totals = {
        "attempts": len(attempts),
        "connected_sec": sum(a.duration_sec for a in attempts),
        "billed_sec": sum(a.billed_sec for a in attempts),
        "cost_micros": sum(a.cost_micros for a in attempts),
        "currency": attempts[0].currency,
    }
    return History(
        call_id,
        attempts,
        first["final_status"],
        first["final_status"] is not None,
        first["final_reason"],
        first["next_attempt_at"],
        totals,
    )


def _attempt(row: asyncpg.Record) -> Attempt:
    if row["retry_at"] is None:
        retry = {"decision": "stop", "reason": row["stop_reason"]}
    else:
        retry = {"decision": "retry", "at": row["retry_at"], "rule": row["retry_rule"]}
    return Attempt(
        row["attempt"],
        row["status"],
        row["duration_sec"],
        row["called_at"],
        row["end_reason"],
        row["ring_sec"],
        row["answered_by"],
        row["from_number"],
        row["trunk"],
        row["sip_code"],
        row["billed_sec"],
        row["cost_micros"],
        row["currency"],
        retry,
        show(ATTEMPT, row["attempt_id"]),
        row["answered_at"],
        row["ended_at"],
        row["policy_version"],
        None if row["details"] is None else msgspec.Raw(row["details"].encode()),
    )

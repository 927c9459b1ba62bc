"""Campaigns on a server of its own processes, the far end's record of them, and the rows behind them."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
from tests.process.serving import Server

RECORD = "dials.jsonl"
NOBODY: Mapping[str, Any] = MappingProxyType(
    {"answer_rates": [0] * 24, "never_share": 1, "voicemail_share": 0, "invalid_share": 0, "failure_share": 0}
)
"""Nobody ever answers: each dial rings until the ring timeout, or is unreachable."""
PEOPLE: Mapping[str, Any] = MappingProxyType(
    {
        "seed": 5,
        "speed": 40,
        "answer_rates": [0.3] * 24,
        "busy_share": 0.2,
        "invalid_share": 0.05,
        "failure_share": 0.05,
        "mean_talk_sec": 20,
    }
)
"""A bit of everything; a call lasts from a few hundredths of a second to two seconds."""
WAITS = ("no-answer", "busy", "voicemail", "failed")
RETRY: Mapping[str, Any] = MappingProxyType(
    {"max_attempts": 3, "after": {outcome: ["1s"] for outcome in WAITS}, "jitter": "0s"}
)
"""Whatever a policy may redial is redialled, soon, and at an instant that can be told beforehand."""
Rows = list[dict[str, Any]]


def make_trunk(
    server: Server,
    settings: Mapping[str, Any],
    cap: int | None = None,
    dials_per_sec: float | None = None,
    record: Path | str = RECORD,
) -> str:
    """A simulator trunk that writes down its dials; its id. Servers that share it share a whole path to the record."""
    body = {
        "name": "sim",
        "kind": "simulator",
        "settings": {**settings, "record": str(record)},
        "max_concurrent_calls": cap,
        "dials_per_sec": dials_per_sec,
    }
    return str(server.post("/v1/trunks", body)["id"])


def make_campaign(
    server: Server, trunk: str, numbers: range, cap: int, retry: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """A campaign that runs at any hour, with a lead for each number; its id."""
    body = {
        "name": f"from {numbers.start}",
        "trunk_id": trunk,
        "max_concurrent_calls": cap,
        "calling_window": {"start": "00:00", "end": "24:00"},
        "retry": {"max_attempts": 1, **retry},
    }
    campaign = str(server.post("/v1/campaigns", body)["id"])
    add_leads(server, campaign, numbers)
    server.patch(f"/v1/campaigns/{campaign}/status", {"action": "start"})
    return campaign


def make_campaign_over(
    server: Server, trunk: str | None, numbers: Sequence[str], retry: Mapping[str, Any], **more: Any
) -> str:
    """A campaign that runs at any hour, with these leads, over a trunk or those that are named; its id."""
    window = {"start": "00:00", "end": "24:00"}
    over = {"trunk_id": trunk} if trunk else {}
    body = {"name": "over SIP", **over, "calling_window": window, "retry": retry, **more}
    campaign = str(server.post("/v1/campaigns", body)["id"])
    leads = [{"phone_number": number, "timezone": "UTC"} for number in numbers]
    made = server.post(f"/v1/campaigns/{campaign}/leads", {"leads": leads})
    assert made["created"] == len(numbers), made
    server.patch(f"/v1/campaigns/{campaign}/status", {"action": "start"})
    return campaign


def make_campaign_of_file(
    server: Server, trunk: str, leads: bytes, retry: Mapping[str, Any], default_region: str
) -> tuple[str, Any]:
    """A campaign that runs at any hour, with the leads of a CSV file; its id, and what was said of the file."""
    window = {"start": "00:00", "end": "24:00"}
    body = {"name": "of a file", "trunk_id": trunk, "calling_window": window, "retry": retry}
    campaign = str(server.post("/v1/campaigns", body)["id"])
    with server.http() as client:
        files, data = {"file": ("leads.csv", leads, "text/csv")}, {"default_region": default_region}
        told = client.post(f"/v1/campaigns/{campaign}/leads", files=files, data=data).raise_for_status().json()
    server.patch(f"/v1/campaigns/{campaign}/status", {"action": "start"})
    return campaign, told


def add_leads(server: Server, campaign: str, numbers: range) -> None:
    """A lead for each number, all of them in UTC."""
    leads = [{"phone_number": f"+1415555{n:04}", "timezone": "UTC"} for n in numbers]
    made = server.post(f"/v1/campaigns/{campaign}/leads", {"leads": leads})
    assert made["created"] == len(numbers), made


def is_complete(server: Server, campaign: str) -> bool:
    """Whether a campaign has come to its end, as far as the server can tell at all."""
    try:
        return bool(server.get(f"/v1/campaigns/{campaign}")["status"] == "completed")
    except httpx.HTTPError:
        return False


def dials(data: Path) -> Rows:
    """What the far end was asked to dial, by its own record. Two who close the same line at once leave an empty one."""
    path = data / RECORD
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n") and line != b"\n"]


def dialled(data: Path) -> int:
    """How often the far end was asked."""
    path = data / RECORD
    return path.read_bytes().count(b"\n") if path.exists() else 0


def dsn_of(data: Path) -> str:
    """The embedded database of a server that runs."""
    return f"postgresql://ringback@/ringback?host={quote(str(data / 'run'), safe='')}&port=5432"


def rows(dsn: str, query: str, *arguments: object) -> Rows:
    """What a query finds."""
    return asyncio.run(_rows(dsn, query, *arguments))


async def _rows(dsn: str, query: str, *arguments: object) -> Rows:
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


def doubles(lines: Rows) -> list[object]:
    """What the record has twice: an attempt of a call, or an attempt's id."""
    counts = Counter[object]((line["call_id"], line["attempt"]) for line in lines)
    counts.update(line["attempt_id"] for line in lines)
    return [what for what, count in counts.items() if count > 1]

"""What must be so when all is over: the far end's record against the rows, and what was up against the caps."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from traceback import extract_tb
from typing import Any

from tests.chaos.caps import Cap, LimitName, overshoots, too_fast, ups
from tests.chaos.owner import Campaign, Owner
from tests.chaos.patience import LOOK_SEC
from tests.chaos.watch import Looks
from tests.engine import invariants
from tests.process.campaigns import PEOPLE, RETRY, Rows, dials, doubles
from tests.process.history import by_policy
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.settings import parse_settings
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import RetryPolicy
from ringback.store.database import connect

EXPLAIN_SEC = 30.0
SHOWN = 5
"""Of what is wrong, so many at most are told for each check."""

ATTEMPTS = """
SELECT c.call_id, c.campaign_no, c.to_number, c.final_status, c.final_reason, z.zones, a.attempt, a.attempt_id,
       a.trunk_no, a.status, a.end_reason, a.stop_reason, a.duration_sec, a.ring_sec, a.from_number,
       extract(epoch FROM a.intent_at) * 1000000 AS intent_at, extract(epoch FROM a.called_at) * 1000000 AS called_at,
       extract(epoch FROM a.ended_at) * 1000000 AS ended_at, extract(epoch FROM a.retry_at) * 1000000 AS retry_at
FROM calls c JOIN zone_sets z USING (zone_set_no) LEFT JOIN attempts a USING (workspace_no, call_id)
WHERE c.created_at >= to_timestamp($1)
ORDER BY c.call_id, a.attempt
"""
CAMPAIGNS = "SELECT campaign_no AS no, campaign_id AS id FROM campaigns"
TRUNKS = "SELECT trunk_no AS no, trunk_id AS id FROM trunks"
UNEXPLAINED = "SELECT node_no, name FROM nodes WHERE explained_at IS NULL AND lease_until < clock_timestamp()"
"""Nodes that are gone, and of which a survivor has not said yet that they left nothing."""
LEFT_GRANTS = """
SELECT g.* FROM grants g JOIN nodes n USING (node_no) WHERE n.ended_at IS NOT NULL AND (g.calls > 0 OR g.dials > 0)
"""
LIVE = "SELECT call_id, attempt, node_no FROM attempts WHERE ended_at IS NULL"
HELD = "SELECT call_id, attempt, held_until FROM attempts WHERE held_until IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check, and what it found wrong, if anything."""

    check: str
    wrong: list[str]


@dataclass(slots=True)
class Remains:
    """What a run has left: the database, the record, and what the owner and the watch wrote down.

    It has what tests/engine/invariants.py reads of a world.
    """

    db: Any
    data: Path
    owner: Owner
    looks: dict[LimitName, Looks]
    lease_sec: float
    record: Rows
    found: Rows
    campaign_of: dict[int, str]
    trunk_of: dict[int, str]

    async def rows(self, statement: str, *args: object) -> list[Any]:
        """What a statement returns."""
        async with self.db.connection() as db:
            return list(await db.fetch(statement, *args))

    async def attempts(self) -> list[Any]:
        """All attempts."""
        return await self.rows("SELECT * FROM attempts ORDER BY workspace_no, call_id, attempt")

    def dials(self) -> Rows:
        """The far end's record."""
        return self.record

    @property
    def called(self) -> Rows:
        """The attempts that reached the far end."""
        return [row for row in self.found if row["called_at"] is not None]


async def judge(
    dsn: str, data: Path, owner: Owner, looks: dict[LimitName, Looks], lease_sec: float, since: float
) -> list[Finding]:
    """Hold everything to what must be so.

    Args:
        dsn: the database, which nobody writes to any more.
        data: where the record is.
        owner: what was asked for and promised.
        looks: what was in flight.
        lease_sec: of the nodes.
        since: when this began; what was over before is only counted.
    """
    database = await connect(dsn, size=1, settings={})
    remains = Remains(database, data, owner, looks, lease_sec, dials(data), [], {}, {})
    try:
        remains.found = [dict(row) for row in await remains.rows(ATTEMPTS, since)]
        remains.campaign_of = {row["no"]: ids.show(ids.CAMPAIGN, row["id"]) for row in await remains.rows(CAMPAIGNS)}
        remains.trunk_of = {row["no"]: ids.show(ids.TRUNK, row["id"]) for row in await remains.rows(TRUNKS)}
        return [Finding(name, await _run(check, remains)) for name, check in CHECKS.items()]
    finally:
        await database.close()


Check = Callable[[Remains], Awaitable[Iterable[str]]]


async def _run(check: Check, remains: Remains) -> list[str]:
    try:
        wrong = list(await check(remains))
    except AssertionError as failed:
        wrong = [_told(failed)]
    return [*wrong[:SHOWN], f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else wrong


def _told(failed: AssertionError) -> str:
    """What it says, or what was asserted where it says nothing."""
    return str(failed) or str(extract_tb(failed.__traceback__)[-1].line)


async def _nobody_twice(remains: Remains) -> Iterable[str]:
    if twice := doubles(remains.record):
        return [f"dialled twice: {what}" for what in twice]
    await invariants.no_dial_twice(remains)
    return []


async def _all_recorded(remains: Remains) -> Iterable[str]:
    recorded = {line["attempt_id"] for line in remains.record}
    rows = {ids.show(ids.ATTEMPT, row["attempt_id"]) for row in await remains.rows("SELECT attempt_id FROM attempts")}
    return [f"a dial without a row: {one}" for one in recorded - rows] + [
        f"a row without a dial: {one}" for one in rows - recorded
    ]


async def _as_played(remains: Remains) -> Iterable[str]:
    lines = {line["attempt_id"]: line for line in remains.record}
    hung_up = {campaign.id for campaign in remains.owner.sides if campaign.hung_up}
    people = parse_settings(PEOPLE)
    wrong = []
    for row in remains.called:
        line = lines.get(ids.show(ids.ATTEMPT, row["attempt_id"]))
        if line is None:
            continue
        at = Instant.parse_iso(line["at"])
        dial = Dial(row["attempt_id"], row["call_id"], row["attempt"], row["to_number"], None, tuple(row["zones"]))
        planned = script(people, dial, at)
        if row["end_reason"] == "cancelled_by_operator" and remains.campaign_of.get(row["campaign_no"]) in hung_up:
            continue
        told = (row["end_reason"], row["duration_sec"], row["ring_sec"])
        if told != (planned.reason, planned.talk_sec, planned.ring_sec):
            wrong.append(f"{line['attempt_id']} is {told}, and was {planned}")
        lasted = _sec(row["ended_at"]) - _sec(row["called_at"])
        if lasted < planned.over_after_sec / people.speed - 0.002:
            wrong.append(f"{line['attempt_id']} ended {lasted:.3f} s after its dial, before it was over")
        if abs(_sec(row["called_at"]) - at.timestamp(unit="nanosecond") / 1e9) >= 0.001:
            wrong.append(f"{line['attempt_id']} was dialled at {line['at']}, and the row says otherwise")
    return wrong


async def _somewhere(remains: Remains) -> Iterable[str]:
    await invariants.every_call_is_somewhere(remains)
    return [f"not over: {row['call_id']}" for row in remains.found if row["final_status"] is None]


async def _as_promised(remains: Remains) -> Iterable[str]:
    known = defaultdict(set)
    for row in remains.found:
        known[remains.campaign_of.get(row["campaign_no"], "")].add(row["to_number"])
    calls = {ids.show(ids.CALL, row["call_id"]) for row in remains.found}
    lost = [number for c in _campaigns(remains.owner) for number in c.numbers - known[c.id]]
    return [f"lost: {one}" for one in (*lost, *(remains.owner.single_calls - calls))]


async def _sums(remains: Remains) -> Iterable[str]:
    await invariants.sums_are_right(remains)
    return []


async def _by_policy(remains: Remains) -> Iterable[str]:
    policy, wrong = parse_policy(RETRY), []
    calls = defaultdict(list)
    for row in remains.found:
        calls[row["call_id"]].append(row)
    for call_id, history in calls.items():
        try:
            _one_by_policy(history, policy)
        except AssertionError as failed:
            wrong.append(f"{call_id}: {_told(failed)[:300]}")
    return wrong


def _one_by_policy(history: Rows, policy: RetryPolicy) -> None:
    """A call that was cancelled stops where it is; what came before that goes by the policy as well."""
    if history[0]["final_status"] != "cancelled" and not any(row["stop_reason"] == "cancelled" for row in history):
        by_policy(history, policy)
        return
    placed = [row for row in history if row["attempt"] is not None]
    assert [row["attempt"] for row in placed] == list(range(1, len(placed) + 1))
    for row, following in pairwise(placed):
        assert following["called_at"] >= row["retry_at"]


async def _nothing_left(remains: Remains) -> Iterable[str]:
    """A survivor may be at it just now, or slow: what is left is what is still left after a while."""
    for _ in range(round(EXPLAIN_SEC / LOOK_SEC)):
        if not (wrong := await _left(remains)):
            break
        await asyncio.sleep(LOOK_SEC)
    return wrong


async def _left(remains: Remains) -> list[str]:
    left = [await remains.rows(statement) for statement in (LIVE, UNEXPLAINED, LEFT_GRANTS, HELD)]
    return [f"left: {dict(row)}" for rows in left for row in rows]


async def _caps_at_each_look(remains: Remains) -> Iterable[str]:
    return [
        f"{name}: {what}" for name, cap, no in _limits(remains) for what in overshoots(remains.looks.get(no, []), cap)
    ]


async def _caps_at_the_far_end(remains: Remains) -> Iterable[str]:
    wrong = []
    for name, cap, (kind, no) in _limits(remains):
        spans = [
            (_sec(row["called_at"]), _sec(row["ended_at"]))
            for row in remains.called
            if row["ended_at"] is not None and _COLUMNS[kind](row) == no
        ]
        wrong += [f"{name}: {what}" for what in overshoots(ups(spans), cap)]
    return wrong


_COLUMNS: dict[str, Callable[[dict[str, Any]], object]] = {
    "workspace": lambda _: 0,
    "campaign": lambda row: row["campaign_no"],
    "trunk": lambda row: row["trunk_no"],
    "caller": lambda row: row["from_number"],
}


def _limits(remains: Remains) -> Iterable[tuple[LimitName, Cap, LimitName]]:
    """Each limit by the owner's name for it, with its cap, and by what the rows call it."""
    numbers = {id_: no for known in (remains.campaign_of, remains.trunk_of) for no, id_ in known.items()}
    for (kind, ref), cap in remains.owner.caps.items():
        ours = {"workspace": 0, "caller": remains.owner.caller}.get(kind, numbers.get(ref))
        yield (kind, ref), cap, (kind, ours)


async def _pace(remains: Remains) -> Iterable[str]:
    return [
        f"trunk {trunk}: {what}"
        for trunk, pace in remains.owner.paces.items()
        for what in too_fast(
            (_sec(row["called_at"]) for row in remains.called if remains.trunk_of[row["trunk_no"]] == trunk), pace
        )
    ]


async def _pauses(remains: Remains) -> Iterable[str]:
    """Nothing is claimed while a campaign is paused; what was claimed before is placed while its node's lease holds."""
    wrong = []
    for campaign in _campaigns(remains.owner):
        stops = [*campaign.pauses, *([(campaign.cancelled, float("inf"))] if campaign.cancelled else [])]
        rows = [row for row in remains.called if remains.campaign_of.get(row["campaign_no"]) == campaign.id]
        for begin, end in stops:
            late = [row for row in rows if begin < _sec(row["intent_at"]) < end]
            wrong += [f"claimed while paused: {row['call_id']}, {_within(row, begin, end)}" for row in late]
            slow = [row for row in rows if begin + remains.lease_sec < _sec(row["called_at"]) < end]
            wrong += [f"dialled long after the pause: {row['call_id']}" for row in slow]
    return wrong


def _within(row: dict[str, Any], begin: float, end: float) -> str:
    at = _sec(row["intent_at"])
    return f"{at - begin:.2f} s after the pause began and {end - at:.2f} s before it ended"


def _campaigns(owner: Owner) -> list[Campaign]:
    return [*owner.campaigns, *owner.sides]


def _sec(micros: Any) -> float:
    return float(micros) / 1e6


CHECKS: dict[str, Check] = {
    "nobody was dialled twice": _nobody_twice,
    "the rows are the dials of the far end's record, each once": _all_recorded,
    "each attempt's outcome and times are those that the far end played": _as_played,
    "every call is over, in one place": _somewhere,
    "no lead and no call that was promised is lost": _as_promised,
    "each call was dialled as often and as late as its policy says": _by_policy,
    "the sums are those of the attempts": _sums,
    "nothing is live, leased, granted or unexplained": _nothing_left,
    "no cap was exceeded at any look into the database": _caps_at_each_look,
    "no cap was exceeded at the far end": _caps_at_the_far_end,
    "no second had more dials than the pace": _pace,
    "nothing was claimed for a campaign that was paused or cancelled": _pauses,
}

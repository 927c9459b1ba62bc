"""What a workspace's attempts came to, by what they have in common; and how its calls went, one by one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import asyncpg
from whenever import Instant

from ringback.domain.analytics import FIRST, OTHER, WAIT_BUCKETS, WAIT_EDGES_SEC, WEEKDAYS, Group, Side, Sums, Value
from ringback.domain.outcome import MEANINGS
from ringback.domain.phone import Phone, parse_number
from ringback.errors import Impossible
from ringback.store.database import Connection, Database, Record
from ringback.store.queries import load

_SQL = load("analytics")

LONGEST_SEC = 20
"""After so long an analysis is given up."""

MOST_GROUPS = 20_000

_REASONS = [str(reason) for reason in MEANINGS]
_KEYS = [meaning.retry_key or OTHER for meaning in MEANINGS.values()]
_REACHED = [str(reason) for reason, meaning in MEANINGS.items() if meaning.reached]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which attempts are looked at.

    Attributes:
        workspace_no: whose.
        begins_at: those that were placed from here on.
        ends_at: and before this.
        campaign_no: of this campaign; None for all.
        trunk_no: over this trunk; None for all.
    """

    workspace_no: int
    begins_at: Instant
    ends_at: Instant
    campaign_no: int | None = None
    trunk_no: int | None = None


class Named(NamedTuple):
    """A trunk or a campaign as others know it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the attempts came to.

    Attributes:
        groups: those that have attempts.
        whole: all attempts together.
        names: what the trunks and campaigns of the groups are called, by side and number.
    """

    groups: dict[Group, Sums]
    whole: Sums
    names: Mapping[Side, Mapping[Value, Named]]


async def read_attempts(database: Database, scope: Scope, sides: tuple[Side, ...]) -> Found:
    """The sums of the attempts of a scope.

    Args:
        database: where they are.
        scope: which attempts.
        sides: what they are grouped by: one or two.

    Raises:
        Impossible: `analysis_too_large`: it takes too long; `too_many_groups`.
    """
    one, two = sides[0], sides[1] if len(sides) > 1 else None
    key = (scope.workspace_no, scope.begins_at, scope.ends_at, scope.campaign_no, scope.trunk_no, one, two)
    async with database.transaction() as db:
        await bound(db)
        try:
            rows = await db.fetch(
                _SQL["attempts"], *key, _REASONS, _KEYS, list(WAIT_EDGES_SEC), _REACHED, MOST_GROUPS + 1
            )
        except asyncpg.QueryCanceledError as late:
            raise too_large() from late
        if len(rows) > MOST_GROUPS:
            raise Impossible(
                "too_many_groups",
                f"there are more than {MOST_GROUPS} groups: name fewer days, one campaign, or group by one side",
            )
        groups = _groups(rows, sides)
        names = {side: await _names(db, scope.workspace_no, side, groups, n) for n, side in enumerate(sides)}
    return Found(groups, _sums(next(row for row in rows if row["is_whole"])), names)


async def bound(db: Connection) -> None:
    """Let the rest of the transaction read much, but not for long."""
    await db.execute(_SQL["bound"], str(LONGEST_SEC * 1000))


def too_large() -> Impossible:
    """What is told when an analysis was given up."""
    return Impossible(
        "analysis_too_large",
        f"this takes longer than {LONGEST_SEC} s: name fewer days by `from` and `to`, or one campaign_id",
    )


def _groups(rows: Iterable[Record], sides: tuple[Side, ...]) -> dict[Group, Sums]:
    groups: dict[Group, Sums] = {}
    for row in rows:
        if not row["is_whole"]:
            texts = (row["one"], row["two"])
            group = tuple(_READ[side](text, row) for side, text in zip(sides, texts, strict=False))
            groups[group] = groups.get(group, Sums()) + _sums(row)
    return groups


def _sums(row: Record) -> Sums:
    one_currency = row["currencies"] < 2
    return Sums(
        row["attempts"],
        row["calls"],
        row["answered"],
        row["reached"],
        row["connected_sec"] or 0,
        row["billed_sec"] or 0,
        (row["cost_micros"] or 0) if one_currency else None,
        row["currency"] if one_currency else None,
    )


async def _names(
    db: Connection, workspace_no: int, side: Side, groups: Iterable[Group], place: int
) -> dict[Value, Named]:
    statement = {Side.TRUNK: "trunk_names", Side.CAMPAIGN: "campaign_names"}.get(side)
    if statement is None:
        return {}
    numbers = {group[place] for group in groups} - {None}
    rows = await db.fetch(_SQL[statement], workspace_no, list(numbers))
    return {row["no"]: Named(row["id"], row["name"]) for row in rows}


def _number(text: str | None, _: Record) -> Value:
    return None if text is None else int(text)


def _weekday(text: str | None, _: Record) -> Value:
    return None if text is None else WEEKDAYS[int(text) - 1]


def _wait(text: str | None, _: Record) -> Value:
    return text and (FIRST if text == "-1" else WAIT_BUCKETS[int(text)])


def _outcome(text: str | None, _: Record) -> Value:
    return FIRST if text == "" else text


def _region(_: str | None, row: Record) -> Value:
    """That of one of the group's numbers; a number that was anonymised has none."""
    phone = parse_number(row["number"] or "")
    return phone.region if isinstance(phone, Phone) else None


def _text(text: str | None, _: Record) -> Value:
    return text


_READ: Mapping[Side, Callable[[str | None, Record], Value]] = {
    Side.ATTEMPT: _number,
    Side.HOUR: _number,
    Side.WEEKDAY: _weekday,
    Side.OUTCOME_BEFORE: _outcome,
    Side.WAIT_BEFORE: _wait,
    Side.REGION: _region,
    Side.TRUNK: _number,
    Side.CALLER_NUMBER: _text,
    Side.POLICY_VERSION: _number,
    Side.CAMPAIGN: _number,
    Side.DAY: _text,
}

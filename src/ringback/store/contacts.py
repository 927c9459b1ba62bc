"""Contacts: when each number was dialled and talked with, for the rules that stand above any campaign."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.contact import PLACED_WITHIN, ContactRules, debt_key, show_contact_rules
from ringback.domain.outcome import MEANINGS
from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("contacts")

Numbered = tuple[int, str]
"""(workspace_no, what a dial is counted under): a number, or a debt."""

LONGEST_CALL = TimeDelta(hours=4)
"""So long a call may be up."""

_REACHED = [str(reason) for reason, meaning in MEANINGS.items() if meaning.reached]


class Before(NamedTuple):
    """What was known of a number before the dial that is counted now."""

    dials: list[Instant]
    talked_at: Instant | None


def keys_of(to_number: str, debt_id: str | None) -> tuple[str, ...]:
    """What a dial is counted under: its number, and its debt where its lead names one."""
    return (to_number,) if debt_id is None else (to_number, debt_key(debt_id))


async def reserve(db: Connection, numbers: Iterable[Numbered], since: Instant, now: Instant) -> dict[Numbered, Before]:
    """Count a dial to each of these numbers; they are held until the transaction ends.

    Args:
        db: a connection, in the transaction that writes the intents.
        numbers: each once.
        since: what was dialled before that is forgotten.
        now: the time of the intents.
    """
    rows = await db.fetch(_SQL["reserve"], *columns(numbers, width=2), since, now)
    return {(row["workspace_no"], row["to_number"]): Before(row["dials"][:-1], row["talked_at"]) for row in rows}


async def give_back(db: Connection, numbers: Iterable[Numbered]) -> None:
    """Take back what `reserve` counted in this transaction."""
    await db.execute(_SQL["give_back"], *columns(numbers, width=2))


async def uncount(db: Connection, dials: Iterable[tuple[int, str, Instant]]) -> None:
    """Take back the dials whose intents were withdrawn, each with the time of its intent."""
    await db.execute(_SQL["uncount"], *columns(dials, width=3))


async def talked(db: Connection, conversations: Iterable[tuple[int, str, Instant]]) -> None:
    """Note when conversations ended."""
    last = {(workspace_no, number): at for workspace_no, number, at in sorted(conversations)}
    await db.execute(_SQL["talked"], *columns(((*key, at) for key, at in last.items()), width=3))


async def dials_of(db: Connection, calls: Iterable[tuple[int, UUID]]) -> dict[tuple[int, UUID], list[Instant]]:
    """When these calls were dialled."""
    rows = await db.fetch(_SQL["dials_of"], *columns(calls, width=2))
    return {(row["workspace_no"], row["call_id"]): row["dials"] or [] for row in rows}


async def read_rules(db: Connection, workspace_no: int) -> str | None:
    """The contact rules of a workspace as JSON, None for none."""
    rules: str | None = await db.fetchval(_SQL["contact_rules"], workspace_no)
    return rules


async def set_rules(db: Connection, workspace_no: int, rules: ContactRules, now: Instant) -> None:
    """Give a workspace other contact rules, in a transaction. What was dialled within their spans counts."""
    written = msgspec.json.encode(show_contact_rules(rules)).decode() if any(rules) else None
    await db.execute(_SQL["set_contact_rules"], workspace_no, written)
    await remember(db, workspace_no, rules.span_sec, now)


async def remember(db: Connection, workspace_no: int, span_sec: int, now: Instant) -> None:
    """Count the dials of a workspace, and what was dialled before, for as long as a rule looks back; in a transaction.

    Args:
        db: a connection, in a transaction that holds the campaigns that it changes: claims hold those first.
        workspace_no: the tenant.
        span_sec: that of the rule which looks back the furthest; 0 for none: nothing is counted unless others need it.
        now: when.
    """
    if not span_sec:
        await db.execute(_SQL["forget"], workspace_no)
        return
    counted_sec = await db.fetchval(_SQL["hold_span"], workspace_no)
    if counted_sec is not None and counted_sec >= span_sec:
        return
    await db.execute(_SQL["remember"], workspace_no, span_sec)
    # what began before the span may have ended in a conversation within it
    since = now - TimeDelta(seconds=span_sec) - LONGEST_CALL
    rest = (_REACHED, counted_sec is None, now + LONGEST_CALL, int(PLACED_WITHIN.total("seconds")))
    await db.execute(_SQL["count_before"], workspace_no, since, *rest)

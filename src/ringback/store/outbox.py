"""What is to be told by webhooks: found, told, taken out or put off."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("outbox")

HookKey = tuple[int, int]
"""(workspace_no, webhook_no)."""

Subject = tuple[int, UUID, int]
"""(workspace_no, subject_id, attempt)."""


class Letter(NamedTuple):
    """An event on its way to one webhook, in the order of the statement.

    Attributes:
        workspace_no: the tenant.
        webhook_no: whom it is told.
        subject_id: of what: a call, a campaign, a trunk or the webhook itself.
        event_no: the order of what is told of one subject.
        event_id: the same for every webhook and at every try.
        event: what happened.
        attempt: of which attempt, 0 for none.
        happened_at: when.
        tries: how often it was tried.
        first_tried_at: the first time, None for never.
        first_no: the first event of its subject that was not taken.
        first_due_at: when that one is due.
    """

    workspace_no: int
    webhook_no: int
    subject_id: UUID
    event_no: int
    event_id: UUID
    event: str
    attempt: int
    happened_at: Instant
    tries: int
    first_tried_at: Instant | None
    first_no: int
    first_due_at: Instant

    @property
    def hook(self) -> HookKey:
        """Whom it is told."""
        return self.workspace_no, self.webhook_no

    @property
    def key(self) -> tuple[int, int, UUID, int]:
        """Where it is kept."""
        return self.workspace_no, self.webhook_no, self.subject_id, self.event_no

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.workspace_no, self.subject_id, self.attempt


class PutOff(NamedTuple):
    """What became of an event that was not taken; `dead_at` is None where it is tried again."""

    tries: int
    first_tried_at: Instant
    due_at: Instant
    why: str
    dead_at: Instant | None


async def own(db: Connection, node_no: int, now: Instant) -> list[Record]:
    """Take the webhooks that no living node sends for; returns all that this node does."""
    await db.execute(_SQL["adopt"], node_no, now)
    return list(await db.fetch(_SQL["owned"], node_no, now))


async def due(
    db: Connection, wanted: Sequence[tuple[int, int, int]], now: Instant, in_hand: Sequence[int]
) -> list[Letter]:
    """What is due, in the order in which it is.

    Args:
        db: a connection.
        wanted: webhooks, each with how much of it at most.
        now: what is due by then.
        in_hand: numbers of events that are left out.
    """
    return [Letter(*row) for row in await db.fetch(_SQL["due"], *columns(wanted, width=3), now, list(in_hand))]


async def contents(db: Connection, letters: Sequence[Letter]) -> dict[Subject, Record]:
    """What is told of the subjects of these events."""
    rows = await db.fetch(_SQL["contents"], *columns({letter.subject for letter in letters}, width=3))
    return {(row["workspace_no"], row["subject_id"], row["attempt"]): row for row in rows}


async def push_back(db: Connection, blocked: Sequence[Letter]) -> None:
    """Have events that wait for one that is tried again later be due no sooner than that."""
    await db.execute(_SQL["push_back"], *columns([(*letter.key, letter.first_due_at) for letter in blocked], width=5))


async def take_out(db: Connection, taken: Sequence[Letter]) -> None:
    """These were taken."""
    await db.execute(_SQL["take_out"], *columns([letter.key for letter in taken], width=4))


async def put_off(db: Connection, failed: Sequence[tuple[Letter, PutOff]]) -> None:
    """These were not."""
    await db.execute(_SQL["put_off"], *columns([(*letter.key, *put) for letter, put in failed], width=9))


async def note(db: Connection, failing: Sequence[tuple[HookKey, Instant | None, str | None]]) -> None:
    """Keep since when receivers take nothing and how they failed last; None for one that takes something again."""
    await db.execute(_SQL["note"], *columns([(*hook, since, why) for hook, since, why in failing], width=4))


async def switch_off(db: Connection, off: Sequence[tuple[HookKey, str, str]], now: Instant) -> dict[HookKey, UUID]:
    """Tell these webhooks nothing more; returns the ids of those that were on."""
    rows = await db.fetch(_SQL["switch_off"], *columns([(*hook, *why) for hook, *why in off], width=4), now)
    return {(row["workspace_no"], row["webhook_no"]): row["webhook_id"] for row in rows}


async def hasten(db: Connection, hooks: Sequence[HookKey], now: Instant) -> None:
    """Have all that waits for these webhooks be due now: their receivers take something again."""
    await db.execute(_SQL["hasten"], *columns(hooks, width=2), now)


TrunkKey = tuple[int, int]
"""(workspace_no, trunk_no)."""


async def trunk_turned(db: Connection, trunk: TrunkKey, node_no: int, now: Instant, *, is_down: bool) -> None:
    """Tell that a trunk takes no dials, or takes them again; once, however many nodes find that out."""
    await db.execute(_SQL["trunk_down" if is_down else "trunk_up"], *trunk, node_no, now)


async def said_down(db: Connection, now: Instant) -> list[TrunkKey]:
    """The trunks of which a node that has ended said that they take no dials."""
    return [(row["workspace_no"], row["trunk_no"]) for row in await db.fetch(_SQL["said_down"], now)]


async def say_down(db: Connection, trunk: TrunkKey, node_no: int) -> None:
    """Say it in that node's place."""
    await db.execute(_SQL["say_down"], *trunk, node_no)


async def drop_old(db: Connection, dead_before: Instant, most: int) -> int:
    """Let go of old dead letters and of what was for webhooks that were deleted; returns how many."""
    done: str = await db.execute(_SQL["drop_old"], dead_before, most)
    return int(done.rpartition(" ")[2])

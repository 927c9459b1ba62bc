"""What moves a campaign: its owner's actions."""

from dataclasses import dataclass
from typing import TypeAlias

from whenever import Instant

from ringback.domain.campaign import OWNER_ACTIONS, TRANSITIONS, CampaignAction, CampaignState
from ringback.errors import Conflict
from ringback.store.audit import Note
from ringback.store.campaigns import (
    CampaignRow,
    cancel_waiting,
    hang_up_ringing,
    lock_campaign,
    set_status,
    waiting_and_live,
)
from ringback.store.database import Connection, Database

Moved: TypeAlias = tuple[CampaignState, CampaignState]
"""From where to where."""


@dataclass(frozen=True, slots=True)
class Affected:
    """What an action left behind.

    Attributes:
        queued: calls that wait for a dial after it.
        live: calls that are up after it, those among them that are yet to be hung up.
        cancelled: calls that it ended.
    """

    queued: int
    live: int
    cancelled: int = 0


async def act(
    database: Database,
    campaign: CampaignRow,
    action: CampaignAction,
    now: Instant,
    note: Note | None = None,
    *,
    hang_up: bool = False,
) -> Affected:
    """Start, pause, resume or cancel a campaign. Once this returns, no dial is claimed that the new state forbids.

    Args:
        database: the store.
        campaign: which.
        action: what its owner wants.
        now: when it ends, if that ends it.
        note: told in each transaction which state it replaces by which.
        hang_up: with a cancel: calls that ring are hung up by the nodes; those that talk go on.

    Raises:
        Conflict: `illegal_transition`: its state does not allow that.
        DatabaseUnavailable: the store is away.
    """
    if action is CampaignAction.CANCEL and campaign.status is CampaignState.RUNNING:
        # Emptying a long queue takes seconds. Dialling stops first, so that no claim wades through what is being
        # deleted; whoever dies in between leaves a paused campaign, which can be cancelled again.
        async with database.transaction() as db:
            if await lock_campaign(db, campaign) is CampaignState.RUNNING:
                await set_status(db, campaign, CampaignState.PAUSED, now)
                if note is not None:
                    await note(db, {"status": CampaignState.RUNNING}, {"status": CampaignState.PAUSED})
    async with database.transaction() as db:
        if action is CampaignAction.CANCEL:
            moved, affected = await _cancel(db, campaign, now, hang_up=hang_up)
        else:
            moved = await _move(db, campaign, action, now)
            affected = Affected(*await waiting_and_live(db, campaign))
        if note is not None:
            await note(db, {"status": moved[0]}, {"status": moved[1], "cancelled": affected.cancelled or None})
    return affected


def check_admits(campaign: CampaignRow) -> None:
    """Refuse leads before they are read; the import itself looks again at its end.

    Raises:
        Conflict: `illegal_transition`: the campaign is cancelled.
    """
    _next_state(campaign.status, CampaignAction.ADD_LEADS)


async def _cancel(db: Connection, campaign: CampaignRow, now: Instant, *, hang_up: bool) -> tuple[Moved, Affected]:
    """Empty the queue before the lock is taken, and once more under it: what is held up waits for little."""
    cancelled = await cancel_waiting(db, campaign, now)
    moved = await _move(db, campaign, CampaignAction.CANCEL, now)
    if hang_up:
        await hang_up_ringing(db, campaign)
    cancelled += await cancel_waiting(db, campaign, now)
    return moved, Affected(*await waiting_and_live(db, campaign), cancelled)


async def _move(db: Connection, campaign: CampaignRow, action: CampaignAction, now: Instant) -> Moved:
    before = await lock_campaign(db, campaign)
    after = _next_state(before, action)
    await set_status(db, campaign, after, now)
    return before, after


def _next_state(state: CampaignState, action: CampaignAction) -> CampaignState:
    moved = TRANSITIONS[state].get(action)
    if moved is None:
        allowed = ", ".join(a for a in OWNER_ACTIONS if a in TRANSITIONS[state]) or "none"
        raise Conflict(
            "illegal_transition", f"this campaign is {state}, which does not allow '{action}'; allowed now: {allowed}"
        )
    return moved

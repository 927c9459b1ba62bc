"""The rule packs of workspaces and campaigns, as the API takes and tells them."""

from collections.abc import Sequence

from ringback.api.operation import Api, Ask
from ringback.domain.library import choose, span_sec
from ringback.errors import Invalid
from ringback.store.campaigns import CampaignRow
from ringback.store.contacts import remember
from ringback.store.database import Connection
from ringback.store.older import check_no_older


async def check_packs(api: Api, ask: Ask, db: Connection, names: Sequence[str] | None) -> None:
    """Refuse packs that this server cannot have, or that a living node would dial without.

    Raises:
        Invalid: one line for each pack that is missing, not in force or none.
        Conflict: a node of an older release lives.
    """
    if not names:
        return
    faults = choose(api.settings.shelf.library(), names, ask.now).faults
    if faults:
        raise Invalid([f"rule_packs: {fault}" for fault in faults])
    await check_no_older(db, "rule packs", ask.now)


async def count_for(api: Api, ask: Ask, db: Connection, names: Sequence[str] | None) -> None:
    """Count dials where a pack that was chosen limits them, those of before too; in the transaction that chose it.

    Not before the campaign is locked that chose it: claims hold campaigns first, and then what this waits for.

    Args:
        api: what handlers share.
        ask: the request.
        db: a connection, in the transaction.
        names: those that were chosen, None where nothing was said of packs.
    """
    if names is not None:
        await remember(db, ask.workspace_no, span_sec(api.settings.shelf.library(), names), ask.now)


def packs_fault(api: Api, ask: Ask, campaign: CampaignRow) -> str | None:
    """Why nothing of a campaign is dialled, as far as its packs and its workspace's go by this server's files."""
    names = (*campaign.workspace_packs, *campaign.plan.rule_packs)
    return "; ".join(choose(api.settings.shelf.library(), dict.fromkeys(names), ask.now).faults) or None

"""Things that a request names: in its path, where they are not found (404), or in its body (422)."""

from typing import Any
from uuid import UUID

import msgspec

from ringback.api.agent_kinds import MESSAGE
from ringback.api.fields import NOBODY
from ringback.api.operation import Api, Ask
from ringback.errors import Impossible, NotFound
from ringback.ids import CAMPAIGN, read
from ringback.store.agents import find_agent
from ringback.store.campaigns import CampaignRow, find_campaign
from ringback.store.database import Connection, Record
from ringback.store.trunks import find_trunk


def path_id(ask: Ask, prefix: str) -> UUID:
    """The id in the path; an odd text is the id of nobody."""
    return read(prefix, ask.path["id"]) or NOBODY


def found(thing: Any, what: str) -> Any:
    """The thing, where there is one.

    Args:
        thing: None where there is none.
        what: its word in the contract, as in `call`.

    Raises:
        NotFound: with one body for ids that are odd, unknown or another workspace's.
    """
    if thing is None:
        raise NotFound(f"{what.replace(' ', '_')}_not_found", f"this workspace has no such {what}")
    return thing


async def campaign_in_path(api: Api, ask: Ask) -> CampaignRow:
    """The campaign that the path names.

    Raises:
        NotFound: there is none.
    """
    async with api.database.connection() as db:
        campaign: CampaignRow = found(await find_campaign(db, ask.workspace_no, path_id(ask, CAMPAIGN)), "campaign")
    return campaign


async def usable_trunk(db: Connection, ask: Ask, trunk_id: UUID, field: str = "trunk_id") -> Record:
    """The trunk that a body names, in this field.

    Raises:
        Impossible: `unknown_trunk`.
        Forbidden: `test_key`: it places real calls, and the key is a test key.
    """
    trunk = await find_trunk(db, ask.workspace_no, trunk_id)
    if trunk is None:
        raise Impossible("unknown_trunk", f"{field} names no trunk of this workspace")
    ask.key.require_trunk(trunk["kind"])
    return trunk


async def check_agent(db: Connection, ask: Ask, agent_id: UUID | None) -> None:
    """Refuse an agent that is not there, or has nothing to say; None is no agent.

    Raises:
        Impossible: `unknown_agent` or `agent_has_no_message`.
    """
    if agent_id is None:
        return
    agent = await find_agent(db, ask.workspace_no, agent_id)
    if agent is None:
        raise Impossible("unknown_agent", "agent_id names no agent of this workspace")
    if agent["kind"] == MESSAGE and not {"text", "audio"} & msgspec.json.decode(agent["settings"]).keys():
        raise Impossible(
            "agent_has_no_message", "agent_id names an agent with neither a text nor a recording: give it one first"
        )

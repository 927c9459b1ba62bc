"""/v1/agents: what handles a call once a person answers."""

import msgspec

from ringback.api import examples
from ringback.api.fields import Fields, json_object, text
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_agent
from ringback.errors import Impossible
from ringback.ids import AGENT
from ringback.store.agents import create_agent, find_agent, list_agents
from ringback.store.keys import Scope

NEW = Fields(name=text(required=True), kind=text(required=True), settings=json_object(required=True))
MESSAGE = Fields(text=text(10_000, required=True))
LIST = list_fields(AGENT)


async def post_agent(api: Api, ask: Ask) -> Answer:
    """Make an agent."""
    if ask.body["kind"] != "message":
        raise Impossible("agent_kind_unknown", "the agents of this release are of the kind 'message'")
    settings = MESSAGE.parse(ask.body["settings"])
    async with api.database.connection() as db:
        row = await create_agent(
            db,
            ask.workspace_no,
            api.ids.new(ask.now),
            ask.body["name"],
            ask.body["kind"],
            msgspec.json.encode(settings).decode(),
            ask.now,
        )
    return Answer(show_agent(row), 201)


async def get_agents(api: Api, ask: Ask) -> Answer:
    """The agents."""
    async with api.database.connection() as db:
        listing = await list_agents(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, AGENT, "agent_id", show_agent))


async def get_agent(api: Api, ask: Ask) -> Answer:
    """One agent."""
    async with api.database.connection() as db:
        row = found(await find_agent(db, ask.workspace_no, path_id(ask, AGENT)), "agent")
    return Answer(show_agent(row))


_PATH = "/v1/agents"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Make an agent.",
        post_agent,
        body=NEW,
        status=201,
        example=examples.AGENT,
        codes=("agent_kind_unknown",),
    ),
    Operation(
        "GET", _PATH, Scope.CALLS_READ, "The agents.", get_agents, query=LIST, example=examples.listed(examples.AGENT)
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        Scope.CALLS_READ,
        "One agent.",
        get_agent,
        example=examples.AGENT,
        codes=("agent_not_found",),
    ),
)

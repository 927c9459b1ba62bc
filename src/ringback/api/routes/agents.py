"""/v1/agents: what handles a call once a person answers."""

import asyncio
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ringback.api import examples
from ringback.api.agent_kinds import KINDS, MESSAGE, settings_of
from ringback.api.fields import Fields, json_object, text
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_agent
from ringback.api.upload import receive_audio
from ringback.carriers.sip.uploaded import convert_apart
from ringback.errors import Impossible
from ringback.ids import AGENT
from ringback.store.agent_audio import drop_audio, keep_audio
from ringback.store.agents import change_agent, create_agent, find_agent, list_agents, lock_agent
from ringback.store.keys import Scope

NEW = Fields(name=text(required=True), kind=text(required=True), settings=json_object(required=True))
CHANGES = Fields(name=text(), settings=json_object())
LIST = list_fields(AGENT)


async def post_agent(api: Api, ask: Ask) -> Answer:
    """Make an agent."""
    if ask.body["kind"] not in KINDS:
        known = ", ".join(KINDS)
        raise Impossible("agent_kind_unknown", f"the kinds of agent of this release are: {known}")
    settings = settings_of(ask.body["kind"], {}, ask.body["settings"], api.settings.sealer)
    agent_id = api.ids.new(ask.now)
    async with api.database.transaction() as db:
        row = await create_agent(
            db,
            ask.workspace_no,
            agent_id,
            ask.body["name"],
            ask.body["kind"],
            msgspec.json.encode(settings).decode(),
            ask.now,
        )
        await ask.changing(AGENT, agent_id).note(db, None, show_agent(row))
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


async def patch_agent(api: Api, ask: Ask) -> Answer:
    """Change what was sent: of the settings too, those that are sent, and null takes one away."""
    agent_id = path_id(ask, AGENT)
    async with api.database.transaction() as db:
        row = found(await lock_agent(db, ask.workspace_no, agent_id), "agent")
        before, sent = msgspec.json.decode(row["settings"]), ask.body.get("settings", {})
        settings = settings_of(row["kind"], before, sent, api.settings.sealer)
        if "audio" not in settings:
            await drop_audio(db, ask.workspace_no, agent_id)
        name, written = ask.body.get("name", row["name"]), msgspec.json.encode(settings).decode()
        changed = await change_agent(db, ask.workspace_no, agent_id, name, written)
        sealed_too = ({**show_agent(row), "settings": before}, {**show_agent(changed), "settings": settings})
        await ask.changing(AGENT, agent_id).note(db, *sealed_too)
    return Answer(show_agent(changed))


async def put_agent_audio(api: Api, ask: Ask) -> Answer:
    """Give a message agent a recording, in place of its text or of the recording before."""
    agent_id = path_id(ask, AGENT)
    async with api.database.connection() as db:
        row = found(await find_agent(db, ask.workspace_no, agent_id), "agent")
    if row["kind"] != MESSAGE:
        raise Impossible("agent_takes_no_audio", f"only agents of the kind {MESSAGE} play a recording")
    content, seconds = await _recording(api, ask)
    sha256 = hashlib.sha256(content).hexdigest()
    async with api.database.transaction() as db:
        await keep_audio(db, ask.workspace_no, agent_id, sha256, seconds, content, ask.now)
        changed = found(await find_agent(db, ask.workspace_no, agent_id), "agent")
        await ask.changing(AGENT, agent_id).note(db, show_agent(row), show_agent(changed))
    return Answer(show_agent(changed))


async def _recording(api: Api, ask: Ask) -> tuple[bytes, float]:
    """The recording in the body as it is stored, and how many seconds it plays.

    Raises:
        CallerError: it is not one that we take.
    """
    with TemporaryDirectory(prefix="ringback-audio-") as folder:
        sent, made = Path(folder) / "sent", Path(folder) / "made"
        await receive_audio(ask.request, sent)
        async with api.conversions:
            seconds = await convert_apart(sent, made)
        return await asyncio.to_thread(made.read_bytes), round(seconds, 2)


_PATH = "/v1/agents"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.AGENTS_WRITE,
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
    Operation(
        "PATCH",
        f"{_PATH}/{{id}}",
        Scope.AGENTS_WRITE,
        "Change an agent's name or settings; calls that are up go on as they are.",
        patch_agent,
        body=CHANGES,
        example=examples.AGENT,
        codes=("agent_not_found",),
    ),
    Operation(
        "PUT",
        f"{_PATH}/{{id}}/audio",
        Scope.AGENTS_WRITE,
        "Give a message agent a recording to play in place of its text: a WAV, MP3 or FLAC file.",
        put_agent_audio,
        reads_body=True,
        example=examples.AGENT_WITH_AUDIO,
        codes=(
            "agent_not_found",
            "agent_takes_no_audio",
            "audio_too_long",
            "unknown_audio_type",
            "unreadable_audio",
        ),
    ),
)

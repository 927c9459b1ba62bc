import hashlib
import json
from pathlib import Path

import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.duties import another_campaign
from tests.rows import an_agent, single_call
from tests.world import NOON
from whenever import TimeDelta

from ringback.carriers.carrier import Agent, Answered, Ended
from ringback.clock import seconds
from ringback.config import AUDIO
from ringback.domain.outcome import EndReason
from ringback.engine.unready import FIRST_SEC, LONGEST_SEC
from ringback.errors import DatabaseUnavailable
from ringback.events import AgentReady, AgentUnready, Claimed, Withdrawn
from ringback.ids import AGENT, CALL, show
from ringback.sealing import Sealer
from ringback.store.agent_audio import drop_audio, keep_audio
from ringback.store.agent_tokens import read_token

SOUND = b"fLaC and so on"
SHA256 = hashlib.sha256(SOUND).hexdigest()


async def claimed(world, count=1, *, wants_agents=True):
    """An engine that has claimed dials, and the trunk that is to place them."""
    world.clock.advance_to(NOON + TimeDelta(milliseconds=1))
    engine = await world.engine()
    puppet = use(engine, Puppet(world.clock))
    puppet.wants_agents = wants_agents
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    assert len(engine.node.hand.live) == count
    return engine, puppet


async def agent_of_the_campaign(world, **plan):
    """An agent that handles its calls; returns its id."""
    agent = await an_agent(world, 1, **plan)
    await world.value("UPDATE campaigns SET agent_id = $1", agent)
    return agent


async def record(world, agent, sound=SOUND):
    """Give it a recording."""
    sha256 = hashlib.sha256(sound).hexdigest()
    async with world.database.connection() as db:
        await keep_audio(db, world.workspace_no, agent, sha256, 1.5, sound, NOON)


async def test_a_dial_names_its_agent_and_what_is_known_of_the_call(make_world):
    """The lead's own variables go before the name and the campaign's name."""
    world = await make_world(leads=2)
    await agent_of_the_campaign(world, settings='{"text": "Hello"}')
    first, second = [call["call_id"] for call in await world.calls()]
    own = json.dumps({"order": "A-17", "campaign": "mine"})
    await world.value("UPDATE calls SET name = 'Ada', variables = $2::text::jsonb WHERE call_id = $1", first, own)
    engine, puppet = await claimed(world, 2)
    await engine.placer.run_once()
    by_call = {dial.call_id: dial.agent for dial in puppet.placed}
    assert by_call[first] == Agent("message", {"text": "Hello"}, {"name": "Ada", "campaign": "mine", "order": "A-17"})
    assert by_call[second] == Agent("message", {"text": "Hello"}, {"campaign": "c"})


async def test_a_call_without_an_agent_is_placed_without_one(make_world):
    """Somebody may want no more than to ring."""
    world = await make_world(leads=1)
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    assert [dial.agent for dial in puppet.placed] == [None]


async def test_who_places_calls_that_nobody_handles_is_told_of_no_agent(make_world):
    """Nor is the database asked."""
    world = await make_world(leads=1)
    await agent_of_the_campaign(world)
    engine, puppet = await claimed(world, wants_agents=False)
    await engine.placer.run_once()
    assert [dial.agent for dial in puppet.placed] == [None]


async def test_a_recording_is_a_file_of_this_node(make_world):
    """Whole, under a path that tells what it is, however many calls play it."""
    world = await make_world(leads=3)
    await record(world, await agent_of_the_campaign(world))
    engine, puppet = await claimed(world, 3)
    await engine.placer.run_once()
    [path] = {Path(dial.agent.settings["audio"]) for dial in puppet.placed}
    assert path.parent == world.folder / AUDIO
    assert (path.stem, path.read_bytes()) == (SHA256, SOUND)


async def test_a_recording_that_is_gone_is_left_out(make_world):
    """The agent has to say what it makes of that."""
    world = await make_world(leads=1)
    agent = await agent_of_the_campaign(world)
    await record(world, agent)
    async with world.database.connection() as db:
        await drop_audio(db, world.workspace_no, agent)
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    assert [dial.agent.settings for dial in puppet.placed] == [{}]


async def test_only_a_message_plays_a_recording(make_world):
    """What another kind calls by that name is its own affair."""
    world = await make_world(leads=1)
    await agent_of_the_campaign(world, kind="websocket", settings='{"audio": "both ways"}')
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    assert [dial.agent.settings for dial in puppet.placed] == [{"audio": "both ways"}]


async def test_what_cannot_be_made_ready_here_is_not_dialled(make_world):
    """Nobody is called for a message that cannot be played; others are, and the dial is due again in a moment."""
    world = await make_world(leads=2)
    agent = await agent_of_the_campaign(world)
    await record(world, agent)
    first, second = [call["call_id"] for call in await world.calls()]
    await world.value("UPDATE calls SET agent_id = $2 WHERE call_id = $1", first, await an_agent(world, 2))
    (world.folder / AUDIO).write_text("in the way")
    engine, puppet = await claimed(world, 2)
    await engine.placer.run_once()
    assert [dial.call_id for dial in puppet.placed] == [first]
    [waiting] = await world.queue()
    assert (waiting["call_id"], waiting["attempt"]) == (second, 1)
    assert waiting["due_at"] == world.clock.now() + seconds(FIRST_SEC)
    assert [event.dials for event in world.events if isinstance(event, Withdrawn)] == [1]
    [unready] = [event for event in world.events if isinstance(event, AgentUnready)]
    assert unready.agent == show(AGENT, agent)


async def rounds(world, engine, sec, step_ms=250):
    """Let time pass, in steps in each of which the node dials; returns how many dials were claimed in it."""
    before = len(world.events)
    for _ in range(round(sec * 1000 / step_ms)):
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=step_ms))
        await engine.node.lease.run_once()
        await engine.node.permits.run_once()
        await engine.dialler.run_once()
        await engine.placer.run_once()
    return sum(event.dials for event in world.events[before:] if isinstance(event, Claimed))


async def test_a_campaign_whose_agent_is_not_ready_is_left_alone_and_others_go_on(make_world):
    """It is tried again later and later, told of once, and goes on once its agent is ready."""
    world = await make_world(leads=3)
    await record(world, await agent_of_the_campaign(world))
    (world.folder / AUDIO).write_text("in the way")
    engine, puppet = await claimed(world, 3)
    await engine.placer.run_once()
    # after 1, 2, 4, 8 and 16 s, and then every 30 s: five times in the first half minute
    assert await rounds(world, engine, 32) == 5 * 3
    other = await another_campaign(world, 2, agent_id=await an_agent(world, 2))
    assert await rounds(world, engine, 5) == 2
    assert {dial.agent.kind for dial in puppet.placed} == {"message"}
    assert len(puppet.placed) == 2
    assert other.campaign.campaign_no != world.campaign.campaign_no
    assert [type(event) for event in world.events if isinstance(event, AgentUnready | AgentReady)] == [AgentUnready]
    (world.folder / AUDIO).unlink()
    assert await rounds(world, engine, LONGEST_SEC) == 3
    assert len(puppet.placed) == 5
    assert [type(event) for event in world.events if isinstance(event, AgentUnready | AgentReady)][1:] == [AgentReady]


async def test_a_single_call_whose_agent_is_not_ready_holds_up_no_other(make_world):
    """Single calls wait in one lane, and have an agent each."""
    world = await make_world(leads=1)
    bad = await an_agent(world, 1)
    await record(world, bad)
    (world.folder / AUDIO).write_text("in the way")
    await single_call(world, n=1, agent=bad)
    engine, puppet = await claimed(world, 2)
    await engine.placer.run_once()
    assert [dial.agent for dial in puppet.placed] == [None]
    good = await single_call(world, n=2, agent=await an_agent(world, 2))
    assert await rounds(world, engine, 0.5) == 1
    assert [dial.call_id for dial in puppet.placed[1:]] == [good]


async def test_an_agents_secrets_are_told_in_the_clear(make_world):
    """To who needs them, and to nobody before."""
    world = await make_world(leads=1)
    sealed = {"url": "wss://bot", "headers": Sealer(world.folder, None).seal({"Authorization": "Bearer x"})}
    await agent_of_the_campaign(world, kind="websocket", settings=json.dumps(sealed))
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    assert [dial.agent.settings for dial in puppet.placed] == [
        {"url": "wss://bot", "headers": {"Authorization": "Bearer x"}}
    ]


async def test_without_the_key_of_its_secrets_an_agent_is_not_called_for(make_world, tmp_path):
    """The dial is due as before, and the log says what is to be done."""
    world = await make_world(leads=1)
    (tmp_path / "elsewhere").mkdir()
    sealed = {"headers": Sealer(tmp_path / "elsewhere", None).seal({"Authorization": "Bearer x"})}
    await agent_of_the_campaign(world, kind="websocket", settings=json.dumps(sealed))
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    assert (puppet.placed, len(await world.queue())) == ([], 1)
    [unready] = [event for event in world.events if isinstance(event, AgentUnready)]
    assert "secret.key" in unready.why


async def test_without_the_database_nobody_is_dialled(make_world, monkeypatch):
    """All are taken back when it is there again, and then dialled."""
    world = await make_world(leads=2)
    await agent_of_the_campaign(world)
    engine, puppet = await claimed(world, 2)

    def away():
        raise DatabaseUnavailable("away")

    await engine.placer.stopper.run_once()  # it has looked at the do-not-call list just before
    with monkeypatch.context() as gone:
        gone.setattr(engine.node.database, "connection", away)
        with pytest.raises(DatabaseUnavailable):
            await engine.placer.run_once()
    await engine.placer.run_once()
    assert (puppet.placed, len(await world.queue())) == ([], 2)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    assert len(puppet.placed) == 2


async def test_each_attempt_has_a_token_of_its_own(make_world):
    """Told to its agent; what is kept is its hash, with the attempt. Those that have nothing to report have none."""
    world = await make_world(leads=3)
    await agent_of_the_campaign(world, kind="websocket", settings='{"url": "wss://bot"}')
    silent = (await world.calls())[0]["call_id"]
    await world.value("UPDATE calls SET agent_id = $2 WHERE call_id = $1", silent, await an_agent(world, 2))
    engine, puppet = await claimed(world, 3)
    await engine.placer.run_once()
    told = {dial.call_id: read_token(dial.agent.token) for dial in puppet.placed}
    assert told.pop(silent) is None
    assert {(token.workspace_no, token.attempt) for token in told.values()} == {(world.workspace_no, 1)}
    kept = {row["call_id"]: row["token_hash"] for row in await world.rows("SELECT * FROM agent_reports")}
    assert kept == {call_id: token.digest for call_id, token in told.items()}
    assert len(set(kept.values())) == 2


async def test_tokens_of_calls_that_nobody_answered_are_forgotten(make_world):
    """Only an agent whose call was answered, or of which nobody knows, can have been told."""
    world = await make_world(leads=3)
    await agent_of_the_campaign(world, kind="websocket", settings='{"url": "wss://bot"}')
    engine, puppet = await claimed(world, 3)
    await engine.placer.run_once()
    rings, talks, lost = [dial.attempt_id for dial in puppet.placed]
    now = world.clock.now()
    puppet.listener(Answered(talks, now))
    puppet.listener(Ended(rings, now, EndReason.USER_DID_NOT_PICK_UP))
    puppet.listener(Ended(talks, now, EndReason.USER_DISCONNECTED))
    puppet.listener(Ended(lost, now, EndReason.OUTCOME_UNKNOWN))
    await engine.settler.run_once()
    left = await world.rows("SELECT a.attempt_id FROM agent_reports JOIN attempts a USING (workspace_no, call_id)")
    assert {row["attempt_id"] for row in left} == {talks, lost}


@pytest.mark.parametrize(("record", "file"), [("wav", "-1.wav"), ("opus", "-1.opus"), ("none", None), (None, None)])
async def test_recorded_call_has_its_place(make_world, record, file):
    """By the workspace, the day, the call and the attempt; a call that is not to be recorded has none."""
    world = await make_world(leads=1)
    await agent_of_the_campaign(world, settings=json.dumps({"text": "Hello", "record": record}))
    engine, puppet = await claimed(world)
    await engine.placer.run_once()
    [dial] = puppet.placed
    place = f"recordings/{world.workspace_no}/2026-03-02/{show(CALL, dial.call_id)}{file}"
    assert dial.agent.recording == (place if file else "")

"""A node's copies of the recordings."""

import hashlib

import pytest
from tests.world import NOON

from ringback.engine.audio_files import AudioFiles
from ringback.store.agent_audio import drop_audio, keep_audio
from ringback.store.agents import create_agent


@pytest.fixture
async def world(make_world):
    """A world."""
    return await make_world()


@pytest.fixture
async def agent(world):
    """A message agent, by its key."""
    agent_id = world.ids.new(NOON)
    async with world.database.connection() as db:
        await create_agent(db, world.workspace_no, agent_id, "a", "message", '{"text": "Hello."}', NOON)
    return world.workspace_no, agent_id


async def keep(world, agent, content):
    """Give the agent a recording; returns its checksum."""
    sha256 = hashlib.sha256(content).hexdigest()
    async with world.database.connection() as db:
        await keep_audio(db, *agent, sha256, 1.5, content, NOON)
    return sha256


async def test_recording_is_fetched_once(world, agent, tmp_path):
    """Then it is there, for another process too, whether or not the database is."""
    sha256 = await keep(world, agent, b"sound" * 100_000)
    files = AudioFiles(world.database, tmp_path / "audio")
    path = await files.path_of(*agent, sha256)
    assert (path.name, path.read_bytes()) == (f"{sha256}.flac", b"sound" * 100_000)
    await world.rows("DELETE FROM agent_audio")
    assert await files.path_of(*agent, sha256) == path
    assert await AudioFiles(world.database, tmp_path / "audio").path_of(*agent, sha256) == path
    path.unlink()
    assert await files.path_of(*agent, sha256) is None


async def test_recording_that_was_replaced_meanwhile_is_the_new_one(world, agent, tmp_path):
    """A call that was briefed with the old one is not left without."""
    old = await keep(world, agent, b"old")
    new = await keep(world, agent, b"new")
    path = await AudioFiles(world.database, tmp_path).path_of(*agent, old)
    assert (path.name, path.read_bytes()) == (f"{new}.flac", b"new")


async def test_agent_that_speaks_again_has_none(world, agent, tmp_path):
    """There is no path."""
    sha256 = await keep(world, agent, b"old")
    async with world.database.connection() as db:
        await drop_audio(db, *agent)
    assert await AudioFiles(world.database, tmp_path).path_of(*agent, sha256) is None


async def test_recording_that_cannot_be_kept_is_told(world, agent, tmp_path):
    """With the file that is in the way."""
    sha256 = await keep(world, agent, b"sound")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        await AudioFiles(world.database, tmp_path / "file" / "audio").path_of(*agent, sha256)

"""Recordings of calls that are kept no longer are deleted, by the server that has them."""

from uuid import UUID

import pytest
from tests.rows import an_attempt, single_call
from tests.world import NOON
from whenever import TimeDelta

from ringback.carriers.sip.recording_files import RecordAs, place_of
from ringback.engine import sweep
from ringback.engine.sweep import REST, Sweeper
from ringback.events import DutyFailed, RecordingsDeleted
from ringback.store.workspaces import Retention, change_workspace

DAY = TimeDelta(hours=24)


@pytest.fixture
async def recorded(make_world):
    """A world with calls 1 to 3, of which each was recorded at NOON; its sweeper, and the files."""
    world = await make_world()
    files = []
    for n in (1, 2, 3):
        await single_call(world, n=n)
        files.append(await a_recording(world, UUID(int=n)))
    return world, Sweeper((await world.engine()).node), files


async def a_recording(world, call_id, at=NOON):
    """The recording of a call's only attempt."""
    attempt_id = await an_attempt(world, call_id)
    day = UUID(int=(at.timestamp(unit="millisecond") << 80) | (attempt_id.int & (1 << 80) - 1))
    path = world.folder / place_of(world.workspace_no, call_id, 1, day, RecordAs.OPUS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"OggS")
    return path


async def keep_for(world, days, mode="delete"):
    """The workspace's rule."""
    async with world.database.transaction() as db:
        await change_workspace(db, world.workspace_no, {"retention": Retention(days, mode)})


def deleted(world):
    """What was told."""
    return [event.files for event in world.events if isinstance(event, RecordingsDeleted)]


async def gone(world):
    """Call 1 is deleted, call 2 anonymised."""
    await world.value("DELETE FROM calls WHERE call_id = $1", UUID(int=1))
    await world.value("UPDATE calls SET to_number = 'redacted:' || call_id WHERE call_id = $1", UUID(int=2))


async def test_recordings_go_with_what_tells_of_their_calls(recorded, monkeypatch):
    """Of calls that were deleted and of those that were anonymised; the others stay, and so do files of others."""
    monkeypatch.setattr(sweep, "BATCH", 2)
    world, sweeper, files = recorded
    await gone(world)
    other = files[0].with_name("notes.txt")
    other.write_text("ours")
    await keep_for(world, 7)
    world.clock.advance_to(NOON + 8 * DAY)
    assert await sweeper.run_once() == 0
    assert [file.exists() for file in files] == [False, False, True]
    assert other.exists()
    assert deleted(world) == [2]


async def test_recordings_are_looked_at_once_an_hour(recorded):
    """A folder of a day that is empty goes the next time."""
    world, sweeper, files = recorded
    await keep_for(world, 7)
    world.clock.advance_to(NOON + 8 * DAY)
    await sweeper.run_once()
    await gone(world)
    await world.value("DELETE FROM calls")
    await sweeper.run_once()
    assert deleted(world) == []
    for _ in range(2):
        world.clock.advance_to(world.clock.now() + REST)
        await sweeper.run_once()
    assert deleted(world) == [3]
    assert not files[0].parent.exists()


async def test_recordings_that_may_be_wanted_stay(recorded):
    """Without a rule, and until they are as old as calls must be: this may be another database than theirs."""
    world, sweeper, files = recorded
    await gone(world)
    world.clock.advance_to(NOON + 100 * DAY)
    await sweeper.run_once()
    await keep_for(world, 200, "anonymise")
    world.clock.advance_to(world.clock.now() + REST)
    await sweeper.run_once()
    assert all(file.exists() for file in files)
    world.clock.advance_to(NOON + 201 * DAY)
    await sweeper.run_once()
    assert [file.exists() for file in files] == [False, False, True]


async def test_disk_that_does_not_let_go_is_told_of(recorded):
    """The others go, and it is tried again."""
    world, sweeper, files = recorded
    await gone(world)
    await keep_for(world, 7)
    files[0].unlink()
    files[0].mkdir()  # nobody can delete that as a file
    world.clock.advance_to(NOON + 8 * DAY)
    assert await sweeper.run_once() == 0
    [failed] = [event for event in world.events if isinstance(event, DutyFailed)]
    assert failed.duty == "sweep"
    assert [file.exists() for file in files] == [True, False, True]
    assert deleted(world) == [1]

import asyncio
import fcntl
import json
import os
from pathlib import Path

import pytest
from tests.carriers.simulated import (
    LIVELY,
    NOON,
    PATIENCE_SEC,
    Make,
    dial_of,
    files_held,
    number_that,
)
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import (
    CallEvent,
    Ended,
    NeverPlaced,
    Over,
    StillUp,
)
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.record import Record
from ringback.clock import VirtualClock, seconds
from ringback.domain.outcome import EndReason
from ringback.errors import CarrierError, CarrierUnavailable


async def test_the_record_holds_each_dial_before_place_returns(make: Make, clock: VirtualClock, tmp_path: Path):
    """One JSON line a dial, with public ids and the time in milliseconds, in a file for its owner alone."""
    simulator = make(record="dials.jsonl")
    dial = dial_of("+14155550100", attempt=2)
    await simulator.place(dial, Instant.MAX)
    [line] = (tmp_path / "dials.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "attempt_id": ids.show(ids.ATTEMPT, dial.attempt_id),
        "call_id": ids.show(ids.CALL, dial.call_id),
        "attempt": 2,
        "to_number": "+14155550100",
        "at": "2026-03-02T12:00:00.000Z",
    }
    assert (tmp_path / "dials.jsonl").stat().st_mode & 0o777 == 0o600


async def test_the_record_is_synced_before_the_dial_goes_on(
    make: Make, heard: list[CallEvent], monkeypatch: pytest.MonkeyPatch
):
    """No event comes before the disk has the line."""
    order: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _file: order.append(f"sync after {len(heard)} events"))
    simulator = make(record="dials.jsonl", speed=0)
    await simulator.place(dial_of(number_that(LIVELY, NOON, EndReason.USER_BUSY)), Instant.MAX)
    assert order == ["sync after 0 events"]
    assert heard


async def test_an_absolute_record_is_where_it_says(make: Make, tmp_path: Path):
    """The base folder is for relative paths only."""
    path = tmp_path / "elsewhere.jsonl"
    await make(record=str(path)).place(dial_of("+14155550100"), Instant.MAX)
    assert path.exists()


async def test_a_torn_last_line_is_closed_and_passed_over(make: Make, tmp_path: Path):
    """What a crash left half-written was never dialled; the next line starts on its own."""
    path = tmp_path / "dials.jsonl"
    path.write_text('{"attempt_id":"att_01h455vb4pex5vsknk084sn02q","call_')
    simulator, dial = make(record="dials.jsonl"), dial_of("+14155550100")
    await simulator.place(dial, Instant.MAX)
    torn, whole = path.read_text().splitlines()
    assert torn.endswith('"call_')
    assert json.loads(whole)["attempt"] == 1
    assert isinstance(await make(record="dials.jsonl").look_up(dial), StillUp | Over)


async def test_a_last_line_that_lacks_its_end_alone_is_a_dial(make: Make, tmp_path: Path):
    """What was written whole may have been dialled."""
    path, dial = tmp_path / "dials.jsonl", dial_of("+14155550100")
    await make(record="dials.jsonl").place(dial, Instant.MAX)
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert await make(record="dials.jsonl").look_up(dial) == StillUp(NOON)


async def test_a_record_full_of_strange_bytes_is_read_past(make: Make, tmp_path: Path):
    """Lines that are no dials say nothing about dials, and hide none."""
    dial = dial_of("+14155550100")
    await make(record="dials.jsonl").place(dial, Instant.MAX)
    path = tmp_path / "dials.jsonl"
    path.write_bytes(b'\x00\x00\n"\xff"\n[]\n{"at":"never"}\n\n' + path.read_bytes())
    assert isinstance(await make(record="dials.jsonl").look_up(dial), StillUp | Over)


async def test_a_simulator_sees_what_another_has_placed_since(make: Make, clock: VirtualClock):
    """Two nodes that share the record know each other's dials, in turn and without opening it again."""
    one, other = make(record="dials.jsonl"), make(record="dials.jsonl")
    for serial in range(1, 7):
        dial = dial_of("+14155550100", serial)
        await one.place(dial, Instant.MAX)
        assert await other.look_up(dial) == StillUp(NOON)
        one, other = other, one


async def test_what_was_told_to_be_never_placed_never_is(make: Make, tmp_path: Path):
    """A node that wakes up after another one has given its dial up is refused, and nothing is written."""
    one, other = make(record="dials.jsonl"), make(record="dials.jsonl")
    dial = dial_of("+14155550100")
    assert await other.look_up(dial) == NeverPlaced()
    with pytest.raises(CarrierUnavailable, match="given up"):
        await one.place(dial, Instant.MAX)
    assert (tmp_path / "dials.jsonl").read_text() == ""
    assert await other.look_up(dial) == NeverPlaced()


async def test_a_dial_that_may_be_being_written_cannot_be_told_yet(make: Make, tmp_path: Path):
    """A process that was frozen in the middle of its turn may yet write: who asks again later is told."""
    simulator = make(record="dials.jsonl")
    with (tmp_path / "dials.jsonl.refused").open("a") as frozen:
        fcntl.flock(frozen, fcntl.LOCK_SH)
        with pytest.raises(CarrierError):
            await simulator.look_up(dial_of("+14155550100"))
    assert await simulator.look_up(dial_of("+14155550100")) == NeverPlaced()


async def test_a_simulator_that_writes_does_not_pass_over_what_others_wrote(make: Make):
    """A line of another process before its own is still read."""
    one, other = make(record="dials.jsonl"), make(record="dials.jsonl")
    theirs, ours = dial_of("+14155550100", 1), dial_of("+14155550100", 2)
    await one.place(theirs, Instant.MAX)
    await other.place(ours, Instant.MAX)
    assert await other.look_up(theirs) == StillUp(NOON)


async def test_a_dial_of_a_dead_process_is_told_by_its_script(make: Make, clock: VirtualClock, heard: list[CallEvent]):
    """Up until the scripted end, then over at that very instant."""
    dial = dial_of(number_that(LIVELY, NOON, EndReason.USER_DISCONNECTED))
    planned = script(LIVELY, dial, NOON)
    await make(record="dials.jsonl", speed=2).place(dial, Instant.MAX)
    rescuer = make(record="dials.jsonl", speed=2)
    over_at = NOON + seconds(planned.over_after_sec / 2)
    clock.advance_to(over_at - seconds(0.001))
    assert await rescuer.look_up(dial) == StillUp(NOON)
    clock.advance_to(over_at)
    known = await rescuer.look_up(dial)
    assert isinstance(known, Over)
    assert known.placed_at == NOON
    assert known.ended == heard[-1]
    assert known.ended.at == over_at


async def test_without_delay_a_dial_of_a_dead_process_is_over(make: Make, clock: VirtualClock, heard: list[CallEvent]):
    """At speed 0 it was over at the instant at which it was placed."""
    dial = dial_of(number_that(LIVELY, NOON, EndReason.VOICEMAIL_DETECTED))
    await make(record="dials.jsonl", speed=0).place(dial, Instant.MAX)
    clock.advance_to(NOON + seconds(60))
    known = await make(record="dials.jsonl", speed=0).look_up(dial)
    assert isinstance(known, Over)
    assert (known.placed_at, known.ended) == (NOON, heard[-1])


async def test_dials_placed_together_share_a_sync(make: Make, monkeypatch: pytest.MonkeyPatch):
    """A hundred dials at once need far fewer syncs than a hundred."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    simulator = make(record="dials.jsonl")
    await asyncio.gather(*[simulator.place(dial_of("+14155550100", serial), Instant.MAX) for serial in range(1, 101)])
    assert len(synced) <= 3


@pytest.fixture
async def slow_disk(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Two events: a sync has begun, and it may end."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def sync(_file: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(PATIENCE_SEC)

    monkeypatch.setattr(os, "fdatasync", sync)
    return begun, go_on


async def test_a_dial_may_be_hung_up_while_it_is_written_down(
    make: Make, clock: VirtualClock, heard: list[CallEvent], slow_disk: tuple[asyncio.Event, asyncio.Event]
):
    """It ends once, and does not start to ring afterwards."""
    (begun, go_on), simulator, dial = slow_disk, make(record="dials.jsonl"), dial_of("+14155550100")
    placing = asyncio.create_task(simulator.place(dial, Instant.MAX))
    await begun.wait()
    assert await simulator.look_up(dial) == StillUp(NOON)
    await simulator.hang_up(dial.attempt_id)
    go_on.set()
    await placing
    clock.advance_to(NOON + seconds(3_600))
    assert heard == [Ended(dial.attempt_id, NOON, EndReason.CANCELLED_BY_OPERATOR, sip_code=487)]


async def test_closing_waits_for_what_is_being_written_down(
    make: Make, clock: VirtualClock, slow_disk: tuple[asyncio.Event, asyncio.Event]
):
    """The dial is on disk, and no timer is left behind."""
    (begun, go_on), simulator, dial = slow_disk, make(record="dials.jsonl"), dial_of("+14155550100")
    placing = asyncio.create_task(simulator.place(dial, Instant.MAX))
    await begun.wait()
    closing = asyncio.create_task(simulator.close())
    go_on.set()
    await placing
    await closing
    assert clock.next_timer() is None
    assert await make(record="dials.jsonl").look_up(dial) == StillUp(NOON)


async def test_a_record_that_cannot_be_written_dials_nothing(
    make: Make, clock: VirtualClock, heard: list[CallEvent], monkeypatch: pytest.MonkeyPatch
):
    """A full disk is told as a carrier that cannot be asked, and the dial can be placed again later."""
    simulator, dial = make(record="dials.jsonl"), dial_of("+14155550100")

    def full(_file: int, _line: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(CarrierUnavailable, match="No space left"):
            await simulator.place(dial, Instant.MAX)
    assert clock.next_timer() is None
    assert heard == []
    assert await simulator.look_up(dial) == NeverPlaced()


async def test_a_record_that_may_not_be_on_disk_is_uncertain(
    make: Make, clock: VirtualClock, heard: list[CallEvent], monkeypatch: pytest.MonkeyPatch
):
    """The dial does not go on, and nobody claims that it was not placed."""
    simulator, dial = make(record="dials.jsonl"), dial_of("+14155550100")

    def broken(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(CarrierError, match="Input/output error") as refused:
        await simulator.place(dial, Instant.MAX)
    assert not isinstance(refused.value, CarrierUnavailable)
    assert clock.next_timer() is None
    assert heard == []
    assert await simulator.look_up(dial) == StillUp(NOON)


async def test_a_line_that_the_disk_took_in_part_is_no_dial(
    make: Make, heard: list[CallEvent], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The next line mends it, so that a dial is neither invented nor lost."""
    simulator, first, second = make(record="dials.jsonl"), dial_of("+14155550100", 1), dial_of("+14155550100", 2)
    write = os.write
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", lambda file, line: write(file, line[:20]))
        with pytest.raises(CarrierUnavailable, match="part of a line"):
            await simulator.place(first, Instant.MAX)
    await simulator.place(second, Instant.MAX)
    later = make(record="dials.jsonl")
    assert await later.look_up(first) == NeverPlaced()
    assert await later.look_up(second) == StillUp(NOON)
    assert len((tmp_path / "dials.jsonl").read_text().splitlines()) == 2


async def test_a_record_that_cannot_be_opened_is_refused(make: Make, tmp_path: Path):
    """The message names the file and the system's reason."""
    with pytest.raises(CarrierUnavailable, match=r"missing/dials\.jsonl.*No such file"):
        make(record="missing/dials.jsonl")


async def test_a_record_that_cannot_be_opened_holds_nothing_open(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It is tried again with every claim: for the second of its files, and for the folder of the first."""
    (tmp_path / "dials.jsonl.refused").mkdir()
    with pytest.raises(CarrierUnavailable, match="Is a directory"):
        make(record="dials.jsonl")
    assert files_held(tmp_path) == []

    def broken(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(CarrierUnavailable, match="Input/output error"):
        make(record="dials.jsonl")
    assert files_held(tmp_path) == []


@pytest.mark.parametrize("record", ["{folder}/lock", "{folder}/there/../run/x", "link/x", "../{name}/node-name"])
def test_a_record_in_place_of_what_the_data_directory_has_is_refused(make: Make, tmp_path: Path, record: str):
    """Whichever way it is named; and nothing is written there."""
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(CarrierUnavailable, match="data directory"):
        make(record=record.format(folder=tmp_path, name=tmp_path.name))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "run"]


def test_a_record_elsewhere_may_have_such_a_name(make: Make, tmp_path: Path):
    """In another folder it is nobody's."""
    (tmp_path / "other").mkdir()
    make(record=str(tmp_path / "other" / "lock"))
    assert (tmp_path / "other" / "lock").exists()


async def test_a_record_that_is_closed_tells_nothing(make: Make):
    """What comes too late is refused, and so is what is asked too late."""
    simulator, dial = make(record="dials.jsonl"), dial_of("+14155550100")
    await simulator.close()
    with pytest.raises(CarrierError):
        await simulator.look_up(dial)


async def test_a_dial_that_waits_for_its_turn_while_its_record_is_closed_is_not_placed(tmp_path: Path):
    """Another process has its turn, and does not end it."""
    record = Record(tmp_path / "dials.jsonl")
    with (tmp_path / "dials.jsonl.refused").open("a") as frozen:
        fcntl.flock(frozen, fcntl.LOCK_EX)
        placing = asyncio.create_task(record.append(dial_of("+14155550100"), NOON))
        await asyncio.sleep(0)  # it has begun
        await record.close()
        with pytest.raises(CarrierUnavailable, match="closed"):
            await placing
    assert (tmp_path / "dials.jsonl").read_text() == ""

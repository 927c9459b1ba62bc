"""How a trunk's worker processes come and go."""

import pytest
from tests.carriers.over_sip import comes_true
from tests.sip.dialling import dialling
from tests.sip.sockets import HOST
from tests.world import NOON
from whenever import TimeDelta

from ringback.carriers.sip.pool import BURST, FIRST_PAUSE_SEC, Worker
from ringback.carriers.sip.settings import parse_settings
from ringback.errors import NotAsked


async def test_workers_are_started_one_after_another(tmp_path):
    """While one starts there is no room, and no call for another one: most trunks never need a second process."""
    settings = parse_settings({"host": HOST, "port": 9, "net_interface": HOST, "options_sec": 0, "most_workers": 4})
    async with dialling(settings, tmp_path) as trunk:
        seen = set()

        def has_room() -> bool:
            seen.add(len(trunk.workers()))
            return bool(trunk.carrier.room())

        assert await comes_true(has_room)
    assert seen == {0, 1}


def test_a_worker_catches_up_on_its_pace_and_on_no_more_than_a_moment_of_it():
    """What it may be given at once it is given at once; from then on it is one dial after another."""
    gap = BURST / 8
    worker = Worker(None, None, gap)
    assert worker.paced(NOON) == 9
    assert [worker.turn(NOON) - NOON for _ in range(12)] == [TimeDelta()] * 9 + [gap, gap * 2, gap * 3]
    assert [worker.paced(NOON + gap * late) for late in (0, 3, 4, 5, 12, 1000)] == [0, 0, 1, 2, 9, 9]
    assert worker.turn(NOON + gap * 1000) == NOON + gap * 1000


async def test_what_cannot_be_sent_from_here_is_not_asked_for_again_at_once(tmp_path):
    """There is no way to the far end: dials wait in the queue, and one of them finds out later whether there is."""
    nowhere = {"host": "203.0.113.9", "port": 9, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
    async with dialling(parse_settings(nowhere), tmp_path) as trunk:
        assert await comes_true(lambda: bool(trunk.carrier.room()))
        with pytest.raises(NotAsked, match="no local address"):
            await trunk.place("+14155550100")
        assert trunk.carrier.room() == 0
        assert await comes_true(lambda: bool(trunk.carrier.room()), 2 * FIRST_PAUSE_SEC)

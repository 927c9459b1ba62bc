from pathlib import Path

import pytest
from tests.carriers.contract import CarrierContract
from tests.carriers.simulated import (
    LIVELY,
    NOON,
    Make,
    NoonClock,
    RealFarEnd,
    VirtualFarEnd,
    dial_of,
    lively,
    number_that,
)
from whenever import Instant

from ringback.carriers.carrier import (
    Answered,
    CallEvent,
    Ended,
    Ringing,
)
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.settings import parse_settings
from ringback.clock import VirtualClock, seconds
from ringback.domain.outcome import AnsweredBy, EndReason
from ringback.errors import CarrierUnavailable


class TestSimulatorWithRecord(CarrierContract):
    """On a virtual clock, with a memory."""

    @pytest.fixture
    async def far_end(self, tmp_path: Path):
        """The far end of the suite."""
        settings = parse_settings({**lively(), "record": "dials.jsonl"})
        return VirtualFarEnd(VirtualClock(NOON), tmp_path, settings)


class TestSimulatorWithoutRecord(CarrierContract):
    """On a virtual clock, without a memory."""

    @pytest.fixture
    async def far_end(self, tmp_path: Path):
        """The far end of the suite."""
        return VirtualFarEnd(VirtualClock(NOON), tmp_path, LIVELY)


class TestSimulatorInRealTime(CarrierContract):
    """On the machine's clock, fifty times as fast as life, with a memory."""

    @pytest.fixture
    async def far_end(self, tmp_path: Path):
        """The far end of the suite."""
        settings = parse_settings({**lively(), "record": "dials.jsonl", "speed": 50})
        return RealFarEnd(NoonClock(), tmp_path, settings)


async def test_without_delay_a_dial_is_over_when_place_returns(make: Make, heard: list[CallEvent], clock: VirtualClock):
    """At speed 0 all events come from within place, at one instant, with the scripted durations."""
    dial = dial_of(number_that(LIVELY, NOON, EndReason.USER_DISCONNECTED))
    planned = script(LIVELY, dial, NOON)
    await make(speed=0).place(dial, Instant.MAX)
    assert heard == [
        Ringing(dial.attempt_id, NOON),
        Answered(dial.attempt_id, NOON),
        Ended(
            dial.attempt_id,
            NOON,
            EndReason.USER_DISCONNECTED,
            planned.ring_sec,
            planned.talk_sec,
            AnsweredBy.HUMAN,
            200,
        ),
    ]
    assert clock.next_timer() is None


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
async def test_events_come_at_the_scripted_seconds_divided_by_the_speed(
    make: Make, heard: list[CallEvent], clock: VirtualClock, speed: float
):
    """Only the time between events changes with the speed; the durations that are told do not."""
    dial = dial_of(number_that(LIVELY, NOON, EndReason.USER_DISCONNECTED))
    planned = script(LIVELY, dial, NOON)
    await make(speed=speed).place(dial, Instant.MAX)
    clock.advance_to(NOON + seconds(1_000))
    offsets = [round((event.at - NOON).total("seconds") * speed, 6) for event in heard]
    assert offsets == [1, 1 + planned.ring_sec, 1 + planned.ring_sec + planned.talk_sec]
    assert isinstance(heard[-1], Ended)
    assert heard[-1].duration_sec == planned.talk_sec


async def test_a_connected_call_that_is_hung_up_has_the_seconds_so_far(
    make: Make, heard: list[CallEvent], clock: VirtualClock
):
    """Seconds of life, whatever the speed."""
    simulator = make(speed=10)
    dial = dial_of(number_that(LIVELY, NOON, EndReason.USER_DISCONNECTED, talk_sec=10))
    ring_sec = script(LIVELY, dial, NOON).ring_sec
    await simulator.place(dial, Instant.MAX)
    clock.advance_to(NOON + seconds((1 + ring_sec + 6.5) / 10))
    await simulator.hang_up(dial.attempt_id)
    assert heard[-1] == Ended(
        dial.attempt_id, clock.now(), EndReason.AGENT_DISCONNECTED, ring_sec, 6, AnsweredBy.HUMAN, 200
    )
    assert clock.next_timer() is None


async def test_a_ringing_dial_that_is_hung_up_has_the_seconds_that_it_rang(
    make: Make, heard: list[CallEvent], clock: VirtualClock
):
    """A CANCEL is answered with 487 (RFC 3261, section 9.2)."""
    simulator = make(speed=1)
    dial = dial_of(number_that(LIVELY, NOON, EndReason.USER_DID_NOT_PICK_UP))
    await simulator.place(dial, Instant.MAX)
    clock.advance_to(NOON + seconds(3.5))
    await simulator.hang_up(dial.attempt_id)
    assert heard[-1] == Ended(dial.attempt_id, clock.now(), EndReason.CANCELLED_BY_OPERATOR, ring_sec=2, sip_code=487)


async def test_a_closed_simulator_places_nothing(make: Make, tmp_path: Path):
    """Nothing is dialled, nothing is written, and nobody is told that nothing was placed before."""
    simulator, dial = make(record="dials.jsonl"), dial_of("+14155550100")
    await simulator.close()
    with pytest.raises(CarrierUnavailable, match="closed"):
        await simulator.place(dial, Instant.MAX)
    with pytest.raises(CarrierUnavailable, match="closed"):
        await simulator.look_up(dial)
    assert (tmp_path / "dials.jsonl").read_text() == ""

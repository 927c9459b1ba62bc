"""What every carrier must do, whatever stands behind it.

A carrier's tests subclass CarrierContract and give a FarEnd.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pytest
from tests.carriers.far_end import EXPECTED, Behaviour, FarEnd
from whenever import Instant

from ringback.carriers.carrier import (
    Answered,
    CallEvent,
    Carrier,
    Dial,
    Ended,
    NeverPlaced,
    Over,
    Ringing,
    StillUp,
    Unknown,
)
from ringback.clock import seconds
from ringback.domain.outcome import MEANINGS, EndReason, Status
from ringback.errors import NotAsked


class Heard(list[CallEvent]):
    """A listener that keeps what it hears."""

    def of(self, dial: Dial) -> list[CallEvent]:
        """The events of one dial, in order."""
        return [event for event in self if event.attempt_id == dial.attempt_id]

    def ends(self, dial: Dial) -> list[Ended]:
        """The ends of one dial: one, or none so far."""
        return [event for event in self.of(dial) if isinstance(event, Ended)]

    def has(self, dial: Dial, kind: type[CallEvent]) -> bool:
        """Whether an event of this kind was heard of one dial."""
        return any(isinstance(event, kind) for event in self.of(dial))


@dataclass
class Line:
    """A carrier under test, its far end and what was heard of it."""

    far_end: FarEnd
    carrier: Carrier
    heard: Heard
    dials: int = 0

    def dial(self, behaviour: Behaviour) -> Dial:
        """A dial that has not been placed yet."""
        self.dials += 1
        attempt, call = UUID(int=0x7000 << 64 | 0x8 << 60 | self.dials), UUID(int=0x7000 << 64 | 0x9 << 60 | self.dials)
        return Dial(attempt, call, 1, self.far_end.number(behaviour), None, ("UTC",))

    async def ask(self, dial: Dial) -> Instant:
        """Place a dial, with time enough for it; returns when the far end was asked."""
        return await self.carrier.place(dial, self.far_end.now() + seconds(60))

    async def place(self, behaviour: Behaviour) -> Dial:
        """A dial that was placed."""
        dial = self.dial(behaviour)
        await self.ask(dial)
        return dial

    async def until(self, dial: Dial, kind: type[CallEvent]) -> None:
        """Wait for an event of this kind of one dial."""
        await self.far_end.until(lambda: self.heard.has(dial, kind))

    async def end(self, behaviour: Behaviour) -> tuple[Dial, Ended]:
        """A dial that was placed and is over, and its end."""
        dial = await self.place(behaviour)
        await self.until(dial, Ended)
        return dial, self.heard.ends(dial)[0]


def check_end(ended: Ended) -> None:
    """Fail unless an end is one that the contract's table of outcomes knows."""
    completed = MEANINGS[ended.reason].status is Status.COMPLETED
    assert (ended.answered_by is not None) == completed, ended
    assert ended.duration_sec >= 0, ended
    assert completed or ended.duration_sec == 0, ended
    assert ended.ring_sec >= 0, ended


def behaviour_name(behaviour: Behaviour) -> str:
    """The name of a parametrised test."""
    return behaviour.name.lower()


class CarrierContract:
    """The suite. A subclass gives the fixture `far_end`."""

    @pytest.fixture
    async def line(self, far_end: FarEnd):
        """An open carrier; closed after the test."""
        heard = Heard()
        line = Line(far_end, far_end.make_carrier(heard.append), heard)
        yield line
        await line.carrier.close()

    async def test_an_answered_dial_rings_then_is_answered_then_ends(self, line: Line):
        """Ringing, Answered and Ended come once each, in this order, and time never runs back."""
        dial, ended = await line.end(Behaviour.ANSWERS)
        events = line.heard.of(dial)
        assert [type(event) for event in events] == [Ringing, Answered, Ended]
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert ended.duration_sec > 0

    @pytest.mark.parametrize("behaviour", list(Behaviour), ids=behaviour_name)
    async def test_every_dial_ends_once_as_the_table_of_outcomes_says(self, line: Line, behaviour: Behaviour):
        """Each behaviour of the far end has its reason, and the numbers agree with it."""
        dial, ended = await line.end(behaviour)
        await line.far_end.let_time_pass()
        assert line.heard.ends(dial) == [ended]
        assert isinstance(line.heard.of(dial)[-1], Ended)
        assert ended.reason is EXPECTED[behaviour]
        check_end(ended)

    @pytest.mark.parametrize("behaviour", [Behaviour.BUSY, Behaviour.RINGS_OUT, Behaviour.INVALID], ids=behaviour_name)
    async def test_a_dial_that_nobody_picks_up_is_never_answered(self, line: Line, behaviour: Behaviour):
        """Answered is not reported of a dial that fails."""
        dial, _ = await line.end(behaviour)
        assert not line.heard.has(dial, Answered)

    async def test_place_tells_when_the_far_end_was_asked(self, line: Line):
        """The instant lies between the call of place and its return, and no event is earlier."""
        before = line.far_end.now()
        dial = line.dial(Behaviour.ANSWERS)
        asked_at = await line.ask(dial)
        assert before <= asked_at <= line.far_end.now()
        await line.until(dial, Ended)
        assert all(event.at >= asked_at for event in line.heard.of(dial))

    async def test_a_dial_whose_time_is_over_is_not_dialled(self, line: Line):
        """The far end is not asked, the carrier says so, and does not say that it is up."""
        dial = line.dial(Behaviour.ANSWERS)
        with pytest.raises(NotAsked):
            await line.carrier.place(dial, line.far_end.now())
        await line.far_end.let_time_pass()
        assert line.far_end.asked_for(dial.attempt_id) == 0
        assert line.heard.of(dial) == []
        assert not isinstance(await line.carrier.look_up(dial), StillUp | Over)

    async def test_dials_that_are_up_together_are_told_apart(self, line: Line):
        """Each of several dials ends in its own way."""
        dials = {behaviour: await line.place(behaviour) for behaviour in Behaviour}
        await line.far_end.until(lambda: all(line.heard.ends(dial) for dial in dials.values()))
        assert all(line.heard.ends(dial)[0].reason is EXPECTED[how] for how, dial in dials.items())

    async def test_dials_may_be_placed_at_the_same_time(self, line: Line):
        """Twenty dials placed together are each asked for once and each end once."""
        dials = [line.dial(Behaviour.BUSY) for _ in range(20)]
        await asyncio.gather(*[line.ask(dial) for dial in dials])
        await line.far_end.until(lambda: all(line.heard.ends(dial) for dial in dials))
        assert [line.far_end.asked_for(dial.attempt_id) for dial in dials] == [1] * 20
        assert [len(line.heard.ends(dial)) for dial in dials] == [1] * 20

    async def test_hanging_up_while_it_rings_cancels_the_dial(self, line: Line):
        """It ends unanswered, by the operator, and nothing more is heard of it."""
        dial = await line.place(Behaviour.RINGS_OUT)
        await line.until(dial, Ringing)
        await line.carrier.hang_up(dial.attempt_id)
        await line.until(dial, Ended)
        await line.far_end.let_time_pass()
        [ended] = line.heard.ends(dial)
        assert ended.reason is EndReason.CANCELLED_BY_OPERATOR
        assert not line.heard.has(dial, Answered)
        check_end(ended)

    async def test_hanging_up_before_it_rings_cancels_the_dial(self, line: Line):
        """A dial can be taken back as soon as it was placed."""
        dial = await line.place(Behaviour.ANSWERS)
        await line.carrier.hang_up(dial.attempt_id)
        await line.until(dial, Ended)
        await line.far_end.let_time_pass()
        assert [ended.reason for ended in line.heard.ends(dial)] == [EndReason.CANCELLED_BY_OPERATOR]

    async def test_hanging_up_a_connected_call_ends_it_as_ours(self, line: Line):
        """It is completed, by the agent, with the seconds so far."""
        dial = await line.place(Behaviour.ANSWERS)
        await line.until(dial, Answered)
        await line.carrier.hang_up(dial.attempt_id)
        await line.until(dial, Ended)
        await line.far_end.let_time_pass()
        [ended] = line.heard.ends(dial)
        assert ended.reason is EndReason.AGENT_DISCONNECTED
        check_end(ended)

    async def test_hanging_up_one_call_leaves_the_others_up(self, line: Line):
        """Only the dial that was named ends."""
        hung, other = await line.place(Behaviour.RINGS_OUT), await line.place(Behaviour.ANSWERS)
        await line.carrier.hang_up(hung.attempt_id)
        await line.until(other, Ended)
        assert line.heard.ends(other)[0].reason is EXPECTED[Behaviour.ANSWERS]

    async def test_hanging_up_what_is_over_or_unknown_does_nothing(self, line: Line):
        """No error, and no event."""
        dial, _ = await line.end(Behaviour.BUSY)
        heard = list(line.heard)
        await line.carrier.hang_up(dial.attempt_id)
        await line.carrier.hang_up(line.dial(Behaviour.ANSWERS).attempt_id)
        await line.far_end.let_time_pass()
        assert line.heard == heard

    async def test_a_dial_that_was_never_placed_is_never_said_to_have_been(self, line: Line):
        """A carrier with a memory is certain of it; one without does not guess."""
        known = await line.carrier.look_up(line.dial(Behaviour.ANSWERS))
        assert known == (NeverPlaced() if line.far_end.remembers else Unknown())

    async def test_a_dial_that_is_up_is_said_to_be_up(self, line: Line):
        """From the moment it was placed, with the instant that place returned."""
        dial = line.dial(Behaviour.ANSWERS)
        asked_at = await line.ask(dial)
        assert await line.carrier.look_up(dial) == StillUp(asked_at)
        await line.until(dial, Answered)
        assert await line.carrier.look_up(dial) == StillUp(asked_at)

    @pytest.mark.parametrize("behaviour", list(Behaviour), ids=behaviour_name)
    async def test_a_dial_that_is_over_is_told_as_it_was_reported(self, line: Line, behaviour: Behaviour):
        """Or nobody can tell, where there is no memory; never another outcome, and never that it was not placed."""
        dial, ended = await line.end(behaviour)
        known = await line.carrier.look_up(dial)
        assert isinstance(known, Over) or (known == Unknown() and not line.far_end.remembers)
        if isinstance(known, Over):
            assert msgspec.structs.replace(known.ended, at=ended.at) == ended

    async def test_a_dial_that_was_hung_up_is_not_said_to_be_up(self, line: Line):
        """Hanging up ends it for look_up too."""
        dial = await line.place(Behaviour.RINGS_OUT)
        await line.until(dial, Ringing)
        await line.carrier.hang_up(dial.attempt_id)
        await line.until(dial, Ended)
        known = await line.carrier.look_up(dial)
        assert isinstance(known, Over | Unknown)
        assert not isinstance(known, Over) or known.ended.reason is EndReason.CANCELLED_BY_OPERATOR

    async def test_a_later_carrier_never_denies_a_dial_of_an_earlier_one(self, line: Line):
        """A node that rescues a dead one hears that the dial is up, then how it ended, or that nobody can tell."""
        dial = await line.place(Behaviour.ANSWERS)
        await line.carrier.close()
        later = line.far_end.make_carrier(line.heard.append)
        while_up = await later.look_up(dial)
        await line.far_end.let_time_pass()
        afterwards = await later.look_up(dial)
        await later.close()
        if line.far_end.remembers:
            assert isinstance(while_up, StillUp)
            assert isinstance(afterwards, Over)
            assert afterwards.ended.reason is EXPECTED[Behaviour.ANSWERS]
        else:
            assert {while_up, afterwards} == {Unknown()}

    async def test_an_attempt_that_is_placed_twice_is_dialled_twice(self, line: Line):
        """A carrier does not hide the engine's mistake: the far end shows both dials."""
        dial = line.dial(Behaviour.ANSWERS)
        await line.ask(dial)
        await line.ask(dial)
        await line.far_end.until(lambda: line.far_end.asked_for(dial.attempt_id) == 2)

    async def test_a_closed_carrier_leaves_nothing_running(self, line: Line):
        """No timer, task, file or socket stays, no event comes afterwards, and closing again does no harm."""
        dial = await line.place(Behaviour.ANSWERS)
        await line.until(dial, Ringing)
        await line.carrier.close()
        heard = list(line.heard)
        assert line.far_end.left_running() == []
        await line.far_end.let_time_pass()
        assert line.heard == heard
        await line.carrier.close()

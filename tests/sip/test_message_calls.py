"""The message agent on real calls: signalling, audio and keys over loopback, in a worker of its own."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import numpy as np
import pytest
from tests.chaos.patience import eventually
from tests.sip.phone import phone
from tests.sip.recordings import pitch
from tests.sip.sipp import HOST

from ringback.carriers.carrier import Agent, Answered, Dial, Ended
from ringback.carriers.sip.carrier import open_sip
from ringback.carriers.sip.settings import parse_settings
from ringback.clock import SystemClock, seconds
from ringback.domain.outcome import EndReason


class Talk:
    """A call to a telephone, that is up.

    Attributes:
        phone: the far end.
        events: what was heard of it.
    """

    def __init__(self, far_end, events):
        self.phone = far_end
        self.events = events

    async def ended(self):
        """How it ended, once it has."""
        await eventually(lambda: any(isinstance(event, Ended) for event in self.events), 60)
        return self.events[-1]

    async def hears(self, sec):
        """Wait until so much was heard."""
        await eventually(lambda: len(self.phone.packets) >= sec / 0.02, 60)


@asynccontextmanager
async def calling(folder, settings, variables=None):
    """Calls a telephone with a message agent."""
    events = []
    async with phone() as far_end:
        named = {"host": HOST, "port": far_end.port, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
        carrier = open_sip(parse_settings(named), SystemClock(), events.append, folder)
        try:
            agent = Agent("message", settings, variables or {})
            dial = Dial(UUID(int=0x7000 << 64 | 1), UUID(int=2), 1, "+14155552671", None, ("UTC",), agent)
            await carrier.place(dial, SystemClock().now() + seconds(60))
            await eventually(lambda: any(isinstance(event, Answered) for event in events), 60)
            yield Talk(far_end, events)
        finally:
            await carrier.close()


@pytest.fixture
def melody(tmp_path):
    """A recording of four tones of half a second each, and their pitches."""
    import soundfile

    pitches = (400, 600, 800, 1000)
    tones = [0.4 * np.sin(2 * np.pi * hertz * np.arange(8000) / 16000) for hertz in pitches]
    soundfile.write(tmp_path / "melody.flac", np.concatenate(tones), 16000)
    return tmp_path / "melody.flac", pitches


async def test_recording_is_heard_whole_and_then_the_call_ends(tmp_path, melody):
    """Every packet, in order, with every tone for as long as it is; it is we who hang up, after the last one."""
    path, pitches = melody
    async with calling(tmp_path, {"audio": str(path), "pause_sec": 0.5}) as call:
        ended = await call.ended()
        assert (ended.reason, ended.details["hung_up_by"]) == (EndReason.AGENT_DISCONNECTED, "agent")
        assert "agent_error" not in ended.details
        sequence = [number for _, number, _, _ in call.phone.packets]
        assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))
        sound = call.phone.heard()
    loud = np.flatnonzero(np.abs(sound) > 0.05)
    assert loud[0] >= 0.4 * 8000
    melody_heard = sound[loud[0] : loud[-1] + 1]
    assert len(melody_heard) / 8000 == pytest.approx(2.0, abs=0.021)
    for number, hertz in enumerate(pitches):
        assert pitch(melody_heard[number * 4000 + 400 : number * 4000 + 3600], 8000) == pytest.approx(hertz, abs=5)


async def test_text_is_spoken_to_whoever_answers(tmp_path):
    """With the lead's variables; nothing has to be set up."""
    async with calling(tmp_path, {"text": "Hello {name}. {x}"}, {"name": "Ada"}) as call:
        ended = await call.ended()
        assert ended.reason is EndReason.AGENT_DISCONNECTED
        assert ended.details["unknown_variables"] == ["x"]
        assert "agent_error" not in ended.details
        assert np.abs(call.phone.heard()).max() > 0.1
        assert len(call.phone.packets) > 40


async def test_keys_that_are_pressed_are_kept_with_the_attempt(tmp_path, melody):
    """And the call ends when all of them have come."""
    settings = {"audio": str(melody[0]), "repeat": 5, "collect_digits": {"n": 3, "timeout_sec": 60}}
    async with calling(tmp_path, settings) as call:
        await call.hears(1.0)
        await call.phone.press("4*7")
        ended = await call.ended()
        assert (ended.reason, ended.details["digits"]) == (EndReason.AGENT_DISCONNECTED, "4*7")


async def test_who_presses_the_key_and_hangs_up_is_not_called_again(tmp_path, melody):
    """Opting out counts, however the call ends."""
    async with calling(tmp_path, {"audio": str(melody[0]), "repeat": 5, "opt_out_key": "9"}) as call:
        await call.hears(1.0)
        await call.phone.press("9")
        call.phone.hang_up()
        ended = await call.ended()
        assert ended.details["opted_out"] is True


async def test_recording_that_is_gone_is_told(tmp_path):
    """The call is hung up, and its attempt says why."""
    async with calling(tmp_path, {"audio": str(tmp_path / "nothing.flac")}) as call:
        ended = await call.ended()
        assert "No such file" in ended.details["agent_error"]
        assert (await asyncio.wait_for(call.phone.over.wait(), 30)) is True

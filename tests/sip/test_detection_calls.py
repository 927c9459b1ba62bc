"""Detection on real calls: audio over loopback, in workers of their own, and what becomes of the calls."""

import asyncio
from dataclasses import dataclass

import numpy as np
from tests.sip.bots import bot
from tests.sip.dialling import dialling
from tests.sip.phone import phone
from tests.sip.recordings import write_sound
from tests.sip.sipp import HOST
from tests.sip.sounds import pcm, quiet, tone, voice

from ringback.carriers.carrier import Agent, Answered, Ended
from ringback.carriers.sip.agents.mulaw import decode
from ringback.carriers.sip.settings import parse_settings

NUMBER = "+14155552671"
HELLO = pcm(quiet(0.4), voice(0.6), quiet(3.0))
GREETING = pcm(quiet(0.4), voice(4.0), quiet(0.3), tone(0.5, 1000), quiet(3.0))
GREETING_SEC, BEEP_OVER_SEC = 4.4, 5.2
LOUD = 1_500
PAUSE_SEC = 0.15
"""Where a frame was so late, the machine paused, and a call was not what it was to be: it is made anew."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class Call:
    """One that is over.

    Attributes:
        ended: how.
        heard_sec: when whoever answered first heard something, from when they began; None for never.
        late_sec: by how much what they said was late.
    """

    ended: Ended
    heard_sec: float | None
    late_sec: float

    @property
    def told(self):
        """Who answered, how it ended, and who ended it."""
        return self.ended.answered_by, self.ended.reason, self.ended.details["hung_up_by"]


async def call(folder, said, agent):
    """Call somebody who says something."""
    folder.mkdir()
    async with phone() as far_end:
        named = {"host": HOST, "port": far_end.port, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
        async with dialling(parse_settings(named), folder) as trunk:
            attempt = await trunk.place(NUMBER, agent)
            await trunk.heard(attempt, Answered)
            began = asyncio.get_running_loop().time()
            saying = asyncio.create_task(far_end.say(said))
            ended = await trunk.ended(attempt)
            saying.cancel()
            await asyncio.wait([saying])
            loud = (at for at, _, _, ulaw in far_end.packets if np.abs(decode(ulaw).astype(int)).max() > LOUD)
            first = next(loud, None)
            return Call(ended, None if first is None else first - began, far_end.late_sec)


async def calls(folder, *asked):
    """All at once, each on a machine that did not pause."""
    for attempt in range(TRIES):
        made = await asyncio.gather(*(call(folder / f"{attempt}-{n}", *each) for n, each in enumerate(asked)))
        if max(each.late_sec for each in made) < PAUSE_SEC:
            return made
    raise AssertionError(f"the machine paused in each of {TRIES} tries")


async def test_calls_go_on_by_who_has_answered(tmp_path):
    """A person is spoken to, and a bot hears their hello; a machine is hung up on, or has a message after its beep."""
    recording = {"audio": str(write_sound(tmp_path / "message.wav")), "pause_sec": 0, "detect": "full"}

    async def listen(visit):
        await visit.read(lambda: len(visit.audio) > 2 * 8000)

    async with bot(listen) as listener:
        person, machine, message, streamed = await calls(
            tmp_path,
            (HELLO, Agent("message", recording)),
            (GREETING, Agent("message", recording)),
            (GREETING, Agent("message", {**recording, "on_machine": "message"})),
            (HELLO, Agent("websocket", {"url": listener.url, "detect": "fast"})),
        )
    assert person.told == ("human", "agent_disconnected", "agent")
    assert person.heard_sec > 1.5
    assert person.ended.details["detection"]["why"] == "greeting_ended"
    assert machine.told == ("machine", "voicemail_detected", "machine")
    assert machine.heard_sec is None
    assert message.told == ("machine", "voicemail_detected", "agent")
    assert message.heard_sec > BEEP_OVER_SEC
    assert message.ended.details["detection"]["recording"] == "beep"
    assert streamed.told == ("human", "agent_disconnected", "agent")
    heard = decode(listener.visits[-1].audio).astype(int)
    assert np.count_nonzero(np.abs(heard[: 2 * 8000]) > LOUD) > 0.3 * 0.6 * 8000

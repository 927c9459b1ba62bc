"""Encrypted media (SRTP) on real calls: the far end decrypts by libsrtp, and takes nothing else."""

from uuid import UUID

import numpy as np
import pytest
from tests.chaos.patience import eventually
from tests.sip.phone import phone
from tests.sip.recordings import pitch, write_sound
from tests.sip.sipp import HOST

from ringback.carriers.carrier import Agent, Dial, Ended
from ringback.carriers.sip.carrier import open_sip
from ringback.carriers.sip.settings import parse_settings
from ringback.clock import SystemClock, seconds
from ringback.domain.outcome import EndReason

HERTZ = 700


async def call(folder, far_end, *, srtp, press=""):
    """Have it hear a tone; how that ended."""
    events = []
    named = {"host": HOST, "port": far_end.port, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
    carrier = open_sip(parse_settings({**named, "srtp": srtp}), SystemClock(), events.append, folder)
    try:
        sound = write_sound(folder / "tone.wav", sec=4.0, hertz=HERTZ)
        agent = Agent("message", {"audio": str(sound), "collect_digits": {"n": len(press) or 1, "timeout_sec": 3}}, {})
        dial = Dial(UUID(int=0x7000 << 64 | 1), UUID(int=2), 1, "+14155552671", None, ("UTC",), agent)
        await carrier.place(dial, SystemClock().now() + seconds(60))
        await eventually(lambda: len(far_end.packets) > 120 or (events and isinstance(events[-1], Ended)), 60)
        if far_end.packets:
            await far_end.press(press)
        await eventually(lambda: events and isinstance(events[-1], Ended), 60)
        return events[-1]
    finally:
        await carrier.close()


async def test_what_is_said_and_pressed_is_understood_by_who_has_the_keys(tmp_path):
    """Both ways: the tone that is played is heard, and the keys that are pressed are kept."""
    async with phone(encrypts=True) as far_end:
        ended = await call(tmp_path, far_end, srtp=True, press="42")
        assert (ended.reason, ended.details["digits"]) == (EndReason.AGENT_DISCONNECTED, "42")
        assert "agent_error" not in ended.details
        sound = far_end.heard()
    loud = np.flatnonzero(np.abs(sound) > 0.05)
    assert pitch(sound[loud[0] : loud[0] + 4000], 8000) == pytest.approx(HERTZ, abs=5)


@pytest.mark.parametrize("srtp", [True, False])
async def test_who_does_not_do_it_alike_is_not_talked_to(tmp_path, srtp):
    """Neither in the clear where encryption is wanted, nor the other way round."""
    async with phone(encrypts=not srtp) as far_end:
        ended = await call(tmp_path, far_end, srtp=srtp)
        assert (ended.reason, ended.sip_code) == (EndReason.DESTINATION_FORBIDDEN, 488)
        assert far_end.packets == []

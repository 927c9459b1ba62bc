"""What goes out on real calls: the audio that was meant, a frame every 20 ms."""

import asyncio
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

import pytest
import soundfile
from tests.carriers.over_sip import trunk
from tests.sip.dialling import dialling
from tests.sip.media import (
    RATE,
    MediaPort,
    Sound,
    Stream,
    judged_by_tshark,
    likeness,
    media_port,
    speech_like,
)
from tests.sip.numbers import Manner, number
from tests.sip.sipp import sipp

from ringback.carriers.carrier import Agent, Ended

CALLS = 5
PLAYED_SEC = 2.99
"""Not a whole number of frames: the last one is to be heard as well."""
MOST_LATE_MS = 30.0
ROUNDS = 4
"""A machine that is held up makes one round late, a fault of ours all of them."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sound]:
    """A recording, and what it holds."""
    path, sound = tmp_path_factory.mktemp("played") / "message.wav", speech_like(PLAYED_SEC)
    soundfile.write(path, sound, RATE)
    return path, sound


async def play(folder: Path, recording: Path, media: MediaPort) -> tuple[list[Ended], list[Stream]]:
    """Play a recording on some calls at once."""
    agent = Agent("message", {"audio": str(recording), "pause_sec": 0.2})
    with sipp(folder / "sipp", media_port=media.port) as far_end:
        async with dialling(trunk(far_end), folder) as calls:
            ends = await asyncio.gather(*(calls.end(number(Manner.STAYS, serial), agent) for serial in range(CALLS)))
    return list(ends), media.streams()


def test_message_is_heard_as_it_was_recorded_and_in_time(tmp_path, played):
    """Every sample of it on every call; 99.9 of 100 frames are not more than 30 ms late; tshark sees the same."""
    recording, sound = played
    for turn in range(ROUNDS):
        with media_port(echo=True) as media:
            ends, streams = asyncio.run(play(tmp_path / str(turn), recording, media))
            media.save(tmp_path / "media.pcap")
        late_ms = late_at_most([late for stream in streams for late in stream.late_ms()])
        if late_ms <= MOST_LATE_MS:
            break
    assert late_ms <= MOST_LATE_MS
    assert [end.details.get("agent_error") for end in ends] == [None] * CALLS
    assert [stream.missing() for stream in streams] == [0] * CALLS
    assert min(likeness(sound, stream.sound()) for stream in streams) >= 0.99
    seen = judged_by_tshark(tmp_path / "media.pcap", media.port)
    assert sorted((each.packets, each.lost) for each in seen) == sorted((len(stream.packets), 0) for stream in streams)
    assert max(each.most_apart_ms for each in seen) == pytest.approx(max(map(most_apart_ms, streams)), abs=0.1)


def late_at_most(late_ms: list[float]) -> float:
    """999 of 1,000 frames are not later."""
    return quantiles(late_ms, n=1000, method="inclusive")[-1]


def most_apart_ms(stream: Stream) -> float:
    """The longest time between two frames."""
    times = [packet.at_ns for packet in stream.packets]
    return max(after - before for before, after in pairwise(times)) / 1e6

"""Audio files to what a line can play."""

import asyncio
import struct

import numpy as np
import pytest
import soundfile
from tests.sip.recordings import pitch, samples, tone, write_sound

from ringback.carriers.sip import uploaded
from ringback.carriers.sip.agents.message_settings import LARGEST_RECORDING
from ringback.carriers.sip.audio import convert
from ringback.carriers.sip.uploaded import STORED_RATE, convert_apart
from ringback.errors import Invalid, TooLarge, UnknownFileType


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "FLAC", "MP3"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2)])
def test_what_it_holds_is_what_is_heard(tmp_path, kind, rate, channels):
    """Whatever the kind, the rate and the channels: the same tone, as loud and as long, at the rate of the line."""
    source = write_sound(tmp_path / "a.bin", 1.5, rate, channels, kind)
    for wanted in (8000, 16000, 48000):
        seconds = convert(source, tmp_path / "out.wav", wanted)
        sound, found = samples(tmp_path / "out.wav")
        assert found == wanted
        assert len(sound) / wanted == seconds == pytest.approx(1.5, abs=0.08)  # an MP3 has a little around it
        middle = sound[wanted // 2 : wanted]
        assert pitch(middle, wanted) == pytest.approx(440, abs=2)
        assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / 2**0.5, rel=0.03)


def test_what_is_at_the_rate_already_is_not_touched(tmp_path):
    """A 16-bit file of the line's rate comes out as it went in."""
    sound = np.round(tone(0.5) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", sound, 8000)
    convert(tmp_path / "a.wav", tmp_path / "out.wav", 8000)
    assert np.array_equal(soundfile.read(tmp_path / "out.wav", dtype="int16")[0], sound)


def test_channels_are_mixed(tmp_path):
    """A voice in one channel only is heard, and two that cancel out are not made louder."""
    left = np.stack([tone(0.5), np.zeros(4000)], 1)
    soundfile.write(tmp_path / "a.wav", left, 8000, subtype="FLOAT")
    convert(tmp_path / "a.wav", tmp_path / "out.wav", 8000)
    assert np.abs(samples(tmp_path / "out.wav")[0]).max() == pytest.approx(0.25, abs=0.01)


def test_what_is_too_loud_is_cut_and_never_wraps_round(tmp_path):
    """Samples beyond full scale become full scale; what is no number becomes silence."""
    loud = np.array([3.0, -3.0, float("nan"), float("inf"), 0.5] * 100, np.float32)
    soundfile.write(tmp_path / "a.wav", loud, 8000, subtype="FLOAT")
    convert(tmp_path / "a.wav", tmp_path / "out.wav", 8000)
    assert samples(tmp_path / "out.wav")[0][:5] == pytest.approx([1.0, -1.0, 0.0, 0.0, 0.5], abs=0.001)


def test_length_in_the_header_is_not_believed(tmp_path):
    """What counts is what is there."""
    path = write_sound(tmp_path / "a.wav", 1.0)
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", 2**31)  # the size of the data chunk
    path.write_bytes(content)
    assert convert(path, tmp_path / "out.wav", 8000) == 1.0


def odd_files(folder):
    """Files that are refused, each with how."""
    flac = write_sound(folder / "whole.flac", 2.0, 48000).read_bytes()
    wav = write_sound(folder / "whole.wav", 1.0).read_bytes()
    yield b"", UnknownFileType, "unknown_audio_type"
    yield b"phone_number\n+14155552671\n" * 1000, UnknownFileType, "unknown_audio_type"
    yield write_sound(folder / "a.ogg", 1.0, 48000).read_bytes(), UnknownFileType, "unknown_audio_type"
    yield write_sound(folder / "a.aiff", 1.0).read_bytes(), UnknownFileType, "unknown_audio_type"
    yield wav[:20], Invalid, "unreadable_audio"
    yield flac[:300], Invalid, "unreadable_audio"
    yield b"ID3\x04" + bytes(100_000), Invalid, "unreadable_audio"
    yield wav[:44], Invalid, "unreadable_audio"  # no sound
    yield write_sound(folder / "slow.wav", 1.0, 100).read_bytes(), Invalid, "unreadable_audio"
    yield write_sound(folder / "wide.wav", 1.0, 8000, 9).read_bytes(), Invalid, "unreadable_audio"
    yield write_sound(folder / "long.flac", 600.1, 4000).read_bytes(), TooLarge, "audio_too_long"
    yield b"RIFF" + bytes(LARGEST_RECORDING), TooLarge, "body_too_large"


def test_what_is_no_recording_is_refused(tmp_path):
    """With a code that says why."""
    for number, (content, kind, code) in enumerate(odd_files(tmp_path)):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(kind) as refused:
            convert(tmp_path / "odd", tmp_path / "out.wav", 8000)
        assert refused.value.code == code, number


def test_ten_minutes_are_taken(tmp_path):
    """The limit itself is within it."""
    source = write_sound(tmp_path / "a.flac", 600.0, 4000)
    assert convert(source, tmp_path / "out.wav", 8000) == 600.0


async def test_what_was_sent_is_converted_in_a_process_of_its_own(tmp_path):
    """To FLAC of 16 kHz, mono; what is wrong with it is told as it would be here."""
    source = write_sound(tmp_path / "a.mp3", 1.0, 44100, 2)
    assert await convert_apart(source, tmp_path / "out") == pytest.approx(1.0, abs=0.08)
    stored = soundfile.info(tmp_path / "out")
    assert (stored.format, stored.subtype, stored.samplerate, stored.channels) == ("FLAC", "PCM_16", STORED_RATE, 1)
    for content, kind, code in ((b"x", UnknownFileType, "unknown_audio_type"), (b"fLaC", Invalid, "unreadable_audio")):
        source.write_bytes(content)
        with pytest.raises(kind) as refused:
            await convert_apart(source, tmp_path / "out")
        assert refused.value.code == code


async def test_decoder_that_dies_or_hangs_ends_nobody_else(tmp_path, monkeypatch):
    """The file is refused."""
    with pytest.raises(Invalid, match="gave up"):
        await convert_apart(tmp_path / "not there", tmp_path / "out")
    monkeypatch.setattr(uploaded, "LONGEST_SEC", 0.0)
    with pytest.raises(Invalid, match="too long"):
        await convert_apart(write_sound(tmp_path / "a.wav"), tmp_path / "out")


async def test_request_that_is_cut_off_leaves_no_decoder(tmp_path):
    """The child is gone when the cancellation has come through."""
    asking = asyncio.create_task(convert_apart(write_sound(tmp_path / "a.wav"), tmp_path / "out"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

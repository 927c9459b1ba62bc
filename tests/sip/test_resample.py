import numpy as np
import pytest

from ringback.carriers.sip.agents.resample import Down, Up

RATES = (8000, 16000, 24000, 48000)
LOUD = 10_000


def tone(hertz: float, rate: int, sec: float = 1.0) -> np.ndarray:
    """A sine."""
    return np.rint(LOUD * np.sin(2 * np.pi * hertz * np.arange(round(rate * sec)) / rate)).astype(np.int16)


def loudness(pcm: np.ndarray) -> float:
    """Of what is left of a tone, in decibels; the first 50 ms are left out."""
    power = np.mean(np.square(pcm[len(pcm) // 20 :], dtype=float))
    return 10 * np.log10(max(power, 1e-9) / (LOUD**2 / 2))


@pytest.mark.parametrize("rate", RATES)
def test_a_frame_in_is_a_frame_out(rate):
    """Of 20 ms, each, from the third on; the filter is full by then."""
    down, up = Down(rate), Up(rate)
    frame = tone(440, rate, 0.02)
    assert [len(down.take(frame.tobytes())) for _ in range(5)] == 5 * [160]
    assert [len(up.take(tone(440, 8000, 0.02))) for _ in range(5)] == 5 * [2 * rate // 50]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [300, 1000, 3300])
def test_speech_passes(rate, hertz):
    """Both ways, within a tenth of a decibel; at 3,300 Hz within half of one."""
    near = 0.5 if hertz > 3000 else 0.1
    assert loudness(Down(rate).take(tone(hertz, rate).tobytes())) == pytest.approx(0, abs=near)
    assert loudness(np.frombuffer(Up(rate).take(tone(hertz, 8000)), np.int16)) == pytest.approx(0, abs=near)


@pytest.mark.parametrize("rate", RATES[1:])
def test_what_8_khz_cannot_hold_is_not_heard(rate):
    """A tone above 4 kHz is not heard as another one below, nor does the way back add any."""
    assert loudness(Down(rate).take(tone(4800, rate).tobytes())) < -40
    spectrum = np.abs(np.fft.rfft(np.frombuffer(Up(rate).take(tone(1000, 8000)), np.int16)[rate // 10 :]))
    above = spectrum[round(4500 / rate * 2 * len(spectrum)) :]
    assert 20 * np.log10(above.max() / spectrum.max()) < -40


@pytest.mark.parametrize("rate", RATES)
def test_it_does_not_matter_how_audio_is_cut(rate):
    """One sample at a time or all at once, but for the last bit."""
    pcm = tone(700, rate, 0.05)
    whole, pieces = Down(rate), Down(rate)
    cut = np.concatenate([pieces.take(sample.tobytes()) for sample in pcm])
    np.testing.assert_allclose(cut, whole.take(pcm.tobytes()), atol=1)
    pcm = tone(700, 8000, 0.05)
    up, ups = Up(rate), Up(rate)
    cut = np.frombuffer(b"".join(ups.take(sample) for sample in np.split(pcm, len(pcm))), np.int16)
    np.testing.assert_allclose(cut, np.frombuffer(up.take(pcm), np.int16), atol=1)


@pytest.mark.parametrize("rate", RATES[1:])
def test_it_delays_by_a_few_milliseconds(rate):
    """There and back again."""
    click = np.zeros(rate // 10, np.int16)
    click[rate // 50] = 30_000
    back = np.frombuffer(Up(rate).take(Down(rate).take(click.tobytes())), np.int16)
    assert 0 < (int(np.abs(back).argmax()) - rate // 50) / rate <= 0.0065


def test_what_was_dropped_is_not_heard_in_what_follows():
    """After `forget` it is as new."""
    up = Up(16000)
    up.take(tone(700, 8000, 0.02))
    up.forget()
    assert up.take(tone(500, 8000, 0.02)) == Up(16000).take(tone(500, 8000, 0.02))


@pytest.mark.parametrize("rate", [0, 11025, 44100])
def test_other_rates_are_refused(rate):
    """A line has a multiple of 8 kHz."""
    with pytest.raises(ValueError, match=f"{rate} samples"):
        Down(rate)

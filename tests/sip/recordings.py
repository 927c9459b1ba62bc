"""Sounds for tests, by formulas."""

import math
import wave
from array import array

import numpy as np
import soundfile


def tone(sec, rate=8000, hertz=440.0, loud=0.5):
    """A tone, as numbers from -1 to 1."""
    return loud * np.sin(2 * math.pi * hertz * np.arange(round(sec * rate)) / rate)


def write_sound(path, sec=1.0, rate=8000, channels=1, kind=None, hertz=440.0, **how):
    """A file with a tone in each channel; the kind is that of the name."""
    soundfile.write(path, np.stack([tone(sec, rate, hertz)] * channels, 1), rate, format=kind, **how)
    return path


def samples(path):
    """The samples of a WAV file as numbers, and its rate."""
    with wave.open(str(path), "rb") as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        return np.array(array("h", sound.readframes(sound.getnframes())), dtype=float) / 32767, sound.getframerate()


def pitch(sound, rate):
    """The strongest frequency of a sound."""
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * rate / len(sound))

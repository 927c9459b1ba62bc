"""Sounds on a line at 8 kHz, one after the other."""

import math

import numpy as np

RATE = 8000


def quiet(sec):
    """Nothing but the line's own noise."""
    return _noise(sec, 0.0002)


def voice(sec, loud=0.1):
    """A sound that is no tone."""
    return _noise(sec, loud)


def tone(sec, *hertz, loud=0.2):
    """One tone, of one frequency or of several."""
    at = np.arange(round(sec * RATE)) / RATE
    return sum(np.sin(2 * math.pi * each * at) for each in hertz) * loud / len(hertz)


def pcm(*parts, noise=0.0):
    """Them as 16-bit samples, with noise over all of it."""
    sound = np.concatenate(parts)
    return np.rint((sound + _noise(len(sound) / RATE, noise)) * 32767).astype(np.int16).tobytes()


def _noise(sec, loud):
    count = round(sec * RATE)
    return np.random.default_rng(count).standard_normal(count) * loud

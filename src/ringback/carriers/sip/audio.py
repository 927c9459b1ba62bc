"""Audio files to 16-bit PCM, mono, at the rate that is wanted; block by block, so that no file is whole in memory."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile
import soxr

from ringback.carriers.sip.agents.message_settings import LARGEST_RECORDING, LONGEST_RECORDING_SEC
from ringback.errors import Invalid, TooLarge, UnknownFileType

MOST_CHANNELS = 8
SLOWEST, FASTEST = 4_000, 384_000
"""Samples a second; what is beyond is no recording of a voice, and would take for ever to resample."""

KINDS = frozenset({"WAV", "WAVEX", "RF64", "MP3", "FLAC"})
"""By libsndfile's names. It reads many others, of which most were never meant to be fed by strangers."""

_HEAD = 16
_BEGINNING = re.compile(rb"(RIFF|RIFX|RF64)....WAVE|fLaC|ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", re.DOTALL)
"""Of WAV, FLAC and MP3, the last with its tags or without (ISO 11172-3, the syncword of a frame of layer III)."""

_BLOCK = 65_536

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def convert(source: Path, to: Path, rate: int, kind: str = "WAV") -> float:
    """Write what a file holds as 16-bit PCM, mono.

    Args:
        source: a WAV, MP3 or FLAC file, by its content and not by its name.
        to: the file to write.
        rate: its samples a second.
        kind: WAV or FLAC.

    Returns:
        its length in seconds.

    Raises:
        UnknownFileType: it is none of them.
        TooLarge: it has more than 25 MB, or plays for more than 10 minutes.
        Invalid: it is damaged, or holds no sound.
    """
    if source.stat().st_size > LARGEST_RECORDING:
        raise TooLarge("body_too_large", f"the audio is over its limit of {LARGEST_RECORDING // 1_000_000} MB")
    with _opened(source) as sound:
        _check(sound)
        with soundfile.SoundFile(to, "w", rate, 1, "PCM_16", format=kind) as out:
            written = 0
            for block in _resampled(_mono(sound), sound.samplerate, rate):
                out.write(_to_pcm(block))
                written += len(block)
    if not written:
        raise unreadable("it holds no sound")
    return written / rate


def unreadable(why: str) -> Invalid:
    """The refusal of a file that cannot be read."""
    return Invalid([f"the audio cannot be read: {why}; save it again as WAV, MP3 or FLAC"], code="unreadable_audio")


def _opened(source: Path) -> soundfile.SoundFile:
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if not _BEGINNING.match(head):
        raise _unknown()
    try:
        return soundfile.SoundFile(source)
    except soundfile.LibsndfileError as fault:
        raise unreadable(fault.error_string) from None


def _unknown() -> UnknownFileType:
    return UnknownFileType("unknown_audio_type", "the audio is neither WAV nor MP3 nor FLAC")


def _check(sound: soundfile.SoundFile) -> None:
    if sound.format not in KINDS:
        raise _unknown()
    if not SLOWEST <= sound.samplerate <= FASTEST:
        raise unreadable(f"it has {sound.samplerate} samples a second, and may have {SLOWEST} to {FASTEST}")
    if sound.channels > MOST_CHANNELS:
        raise unreadable(f"it has {sound.channels} channels, and may have {MOST_CHANNELS}")


def _mono(sound: soundfile.SoundFile) -> Iterator[Samples]:
    """The mean of the channels; what the header says of the length is not believed."""
    left = LONGEST_RECORDING_SEC * sound.samplerate
    try:
        while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
            left -= len(block)
            if left < 0:
                raise TooLarge("audio_too_long", f"the audio plays for more than {LONGEST_RECORDING_SEC // 60} minutes")
            yield np.nan_to_num(block.mean(axis=1, dtype=np.float32), posinf=0.0, neginf=0.0)
    except soundfile.LibsndfileError as fault:
        raise unreadable(fault.error_string) from None


def _resampled(blocks: Iterator[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    if rate == wanted:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, wanted, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _to_pcm(block: Samples) -> Any:
    return np.clip(np.rint(block * 32768), -32768, 32767).astype(np.int16)

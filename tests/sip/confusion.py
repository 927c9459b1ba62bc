"""How often the detectors are wrong on the labelled set: `python -m tests.sip.confusion` prints it."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.sip.greetings import RATE, Clip, Kind, Split, greetings

from ringback.carriers.sip.agents.detection_settings import Detect
from ringback.carriers.sip.detect import Beep, Detector, Ending, Verdict
from ringback.domain.outcome import AnsweredBy

MODES = (Detect.FAST, Detect.FULL)
PIECE = 2 * RATE
IN_TIME_SEC = (0.3, 0.7)
"""After the end of a beep it is told between these, or it was not that beep."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the clips of one half in one mode.

    Attributes:
        lost: of the people, those taken for a machine.
        fooled: of the machines, those taken for a person.
        open_people: of the people, those that could not be told.
        open_machines: of the machines likewise.
    """

    lost: float
    fooled: float
    open_people: float
    open_machines: float


@cache
def verdicts(mode: Detect) -> tuple[tuple[Clip, Verdict], ...]:
    """What is made of each clip."""
    return tuple((clip, _verdict(clip, mode)) for clip in greetings())


@cache
def endings() -> tuple[tuple[Clip, Ending | None, float], ...]:
    """When each voicemail is heard to record."""
    return tuple((clip, *_ending(clip)) for clip in greetings() if clip.kind in (Kind.VOICEMAIL, Kind.ROBOT))


def rates(split: Split, mode: Detect) -> Rates:
    """The rates of one half in one mode."""
    counts = Counter((clip.kind.is_human, verdict.answered_by) for clip, verdict in _of(split, mode))
    people, machines = (sum(n for (is_human, _), n in counts.items() if is_human is wanted) for wanted in (True, False))
    return Rates(
        counts[True, AnsweredBy.MACHINE] / people,
        counts[False, AnsweredBy.HUMAN] / machines,
        counts[True, AnsweredBy.UNKNOWN] / people,
        counts[False, AnsweredBy.UNKNOWN] / machines,
    )


def beeps(split: Split) -> Counter[str]:
    """How often a beep was heard, and when."""
    return Counter(_beep(*each) for each in endings() if each[0].split is split)


def report() -> str:
    """All of it."""
    return "\n".join([line for mode in MODES for split in Split for line in _matrix(split, mode)] + list(_beeps()))


def _of(split: Split, mode: Detect) -> list[tuple[Clip, Verdict]]:
    return [(clip, verdict) for clip, verdict in verdicts(mode) if clip.split is split]


def _pieces(clip: Clip) -> Iterator[bytes]:
    return (clip.pcm[at : at + PIECE] for at in range(0, len(clip.pcm), PIECE))


def _verdict(clip: Clip, mode: Detect) -> Verdict:
    detector = Detector(RATE, mode)
    return next(verdict for piece in _pieces(clip) if (verdict := detector.take(piece)))


def _ending(clip: Clip) -> tuple[Ending | None, float]:
    beep = Beep(RATE)
    return next((ending for piece in _pieces(clip) if (ending := beep.take(piece))), None), beep.at_sec


def _beep(clip: Clip, ending: Ending | None, at_sec: float) -> str:
    if ending is not Ending.BEEP:
        return f"{'no beep' if clip.beep_sec is None else 'beep'}, told by {ending}"
    if clip.beep_sec is None:
        return "no beep, one was heard"
    after_sec = at_sec - clip.beep_sec[1]
    return "beep, heard in time" if IN_TIME_SEC[0] <= after_sec <= IN_TIME_SEC[1] else "beep, another was heard"


def _matrix(split: Split, mode: Detect) -> Iterator[str]:
    found = _of(split, mode)
    counts = Counter((clip.kind, verdict.answered_by) for clip, verdict in found)
    yield f"{f'detect: {mode}, {split}':34}" + "".join(f"{name:>9}" for name in AnsweredBy)
    for kind in Kind:
        yield f"  {kind:32}" + "".join(f"{counts[kind, name]:9}" for name in AnsweredBy)
    ours = rates(split, mode)
    yield f"  people: {ours.lost:.1%} taken for a machine, {ours.open_people:.1%} unknown; {_times(found, True)}"
    yield f"  machines: {ours.fooled:.1%} taken for a person, {ours.open_machines:.1%} unknown; {_times(found, False)}"
    yield ""


def _times(found: list[tuple[Clip, Verdict]], is_human: bool) -> str:
    secs = sorted(verdict.at_sec for clip, verdict in found if clip.kind.is_human is is_human)
    return f"told after {secs[len(secs) // 2]:.1f} s, 95 of 100 by {secs[len(secs) * 95 // 100]:.1f} s"


def _beeps() -> Iterator[str]:
    names = sorted({name for split in Split for name in beeps(split)})
    yield f"{'the beep of a voicemail':34}" + "".join(f"{split:>9}" for split in Split)
    for name in names:
        yield f"  {name:32}" + "".join(f"{beeps(split)[name]:9}" for split in Split)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")

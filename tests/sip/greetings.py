"""What is heard when a call is answered: a labelled set, spoken by espeak-ng and put onto a telephone line by a seed.

Half of it is for choosing the parameters of a detector by, the other half is held out: it has other words, other voices
and other beeps.
"""

import random
import shutil
import subprocess
import wave
from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import numpy as np
import soxr

from ringback.carriers.sip.agents.mulaw import decode, encode

RATE = 8000
SEED = 20_260_101
HEARD_SEC = 8.0
"""A clip of a person is so long: it holds the silence in which they wait."""

BREAK_SEC = 2.0
"""Between sentences as they are spoken; they are cut apart there."""


class Split(StrEnum):
    """What a clip is for."""

    TUNED = "tuned"
    HELD_OUT = "held out"


class Kind(StrEnum):
    """What is heard."""

    HELLO = "hello"
    NAMED = "a person with a name"
    BUSINESS = "a person at work"
    VOICEMAIL = "voicemail"
    ROBOT = "a robot's voicemail"
    MUSIC = "music on hold"
    TONES = "information tones"
    FAX = "fax"

    @property
    def is_human(self) -> bool:
        """Whether somebody is there."""
        return self in (Kind.HELLO, Kind.NAMED, Kind.BUSINESS)


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in one half of the set."""

    hello: tuple[str, ...]
    named: tuple[str, ...]
    business: tuple[str, ...]
    openings: tuple[str, ...]
    absences: tuple[str, ...]
    requests: tuple[str, ...]
    farewells: tuple[str, ...]
    robots: tuple[str, ...]
    gone: tuple[str, ...]
    voices: tuple[str, ...]
    beeps_hertz: tuple[int, ...]


WORDS = {
    Split.TUNED: Words(
        hello=("Hello?", "Hello.", "Hi.", "Yes?", "Yeah, hello?", "Who is it?", "Hello, hello?", "Yes, hello?"),
        named=(
            "Hello, this is Ann speaking.",
            "Baker.",
            "John Miller, hello?",
            "Hello, Susan here.",
            "Good evening, the Parkers.",
            "Hi, it's Dave.",
        ),
        business=(
            "Good morning, Acme Plumbing, how can I help you?",
            "Rosie's Flowers, Mary speaking.",
            "Thank you for calling City Dental, this is Joan.",
            "Front desk, good afternoon.",
            "Harper and Sons, good morning.",
            "Accounts department, Peter Webb speaking, hello.",
        ),
        openings=(
            "Hi, you have reached the voicemail of Bob Carter.",
            "Hello, this is Ann.",
            "You've reached the Millers.",
            "Hi, this is Chris, I can't come to the phone right now.",
            "Thank you for calling Acme Plumbing.",
        ),
        absences=(
            "I am not available at the moment.",
            "We are not at home right now, or we are busy with the kids in the garden.",
            "I'm either away from my desk, or on another call.",
            "Our office is closed. Our hours are Monday to Friday, from nine in the morning until five.",
        ),
        requests=(
            "Please leave your name, your number, and a short message.",
            "Leave a message after the beep, and I'll call you back as soon as I can.",
            "If this is urgent, please call my mobile, or ask for the front desk.",
        ),
        farewells=("Thank you, and have a nice day.", "Bye.", "Thanks for calling."),
        robots=(
            "The person you are calling is not available. At the tone, please record your message. When you have"
            " finished recording, you may hang up, or press one for more options.",
            "Your call has been forwarded to an automatic voice message system.",
        ),
        gone=("The number you have dialled is not in service. Please check the number, and dial again.",),
        voices=("en-us", "en-gb+m3", "en-us+f2", "en-gb-scotland+f4", "en-us+m7", "en-gb+f1", "en-029+m1", "de+f2"),
        beeps_hertz=(1000, 1400, 440, 850, 2000),
    ),
    Split.HELD_OUT: Words(
        hello=("Hello there?", "Hullo?", "Yep?", "Hi, hello?", "Speaking.", "Hello, who's there?", "Yes.", "Allo?"),
        named=(
            "Hello, Martin Green.",
            "This is Laura.",
            "Hi, Tom's phone.",
            "Good morning, this is Julia Stone.",
            "Hello, you are talking to Frank.",
            "Wilson residence, hello.",
        ),
        business=(
            "Good afternoon, Northside Garage, Steve speaking, what can I do for you?",
            "Hello, law offices of Kent and Moore.",
            "Reception, how may I direct your call?",
            "Blue Lake Hotel, good evening, this is Nina.",
            "Help desk, this is Omar.",
            "Thanks for calling Pizza Corner, pick up or delivery?",
        ),
        openings=(
            "Hey, it's Mike.",
            "You have reached five five five, zero one, four two.",
            "Hello, you've reached the mailbox of Doctor Helen Hart.",
            "Hi there, Karen's not here.",
            "Welcome to Northside Garage.",
        ),
        absences=(
            "Sorry that I missed your call.",
            "I'm on holiday until the third of August, and I do not read my messages.",
            "Nobody is here to take your call, because all of us are out on the road.",
            "I'm probably in a meeting, or I just can't find my phone, which happens more often than I would like.",
        ),
        requests=(
            "You know what to do at the tone.",
            "Tell me who you are and what it's about, and I'll get back to you within a day.",
            "Please try again later, or send me a text message, or write an email to the address on our web site.",
        ),
        farewells=("Talk to you soon.", "Goodbye.", "Cheers."),
        robots=(
            "The customer is not able to take your call at present. Please leave a message after the signal.",
            "Welcome to the message bank of, five, five, five, zero, one, two, three. Please speak after the tone.",
        ),
        gone=("We're sorry. Your call cannot be completed as dialled. Please hang up and try your call again.",),
        voices=("en-gb", "en-us+m2", "en-gb+f3", "en-gb-x-rp+m5", "en-us+f5", "en-us+m4", "fr+f1", "en-gb-x-gbclan+m6"),
        beeps_hertz=(620, 1200, 950, 1633, 2400),
    ),
}

COUNTS = {
    Kind.HELLO: 32,
    Kind.NAMED: 22,
    Kind.BUSINESS: 16,
    Kind.VOICEMAIL: 48,
    Kind.ROBOT: 10,
    Kind.MUSIC: 6,
    Kind.TONES: 5,
    Kind.FAX: 5,
}
"""Clips of each half."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Sentences as they are to be spoken."""

    sentences: tuple[str, ...]
    voice: str
    speed: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Clip:
    """One answer.

    Attributes:
        name: which.
        split: what it is for.
        kind: what it is.
        pcm: 16-bit, 8 kHz, as it came over the line.
        speech_sec: when the voice of a machine began and ended; 0 where there is none.
        beep_sec: when the beep began and ended; None where there is none.
    """

    name: str
    split: Split
    kind: Kind
    pcm: bytes
    speech_sec: tuple[float, float]
    beep_sec: tuple[float, float] | None

    @property
    def sec(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / RATE


@cache
def greetings() -> tuple[Clip, ...]:
    """All clips, the same every time."""
    plans = [_plan(split, kind, number) for split in Split for kind, count in COUNTS.items() for number in range(count)]
    with TemporaryDirectory(prefix="ringback-greetings-") as folder, ThreadPoolExecutor(4) as pool:
        said = pool.map(lambda plan: _spoken(plan.speech, Path(folder)), plans)
        return tuple(plan.clip(sentences) for plan, sentences in zip(plans, said, strict=True))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A clip that is to be made; `chance` has been asked for its words, and goes on to its sounds."""

    split: Split
    kind: Kind
    number: int
    chance: random.Random
    speech: Speech | None

    def clip(self, sentences: list[np.ndarray]) -> Clip:
        """It, with its sentences."""
        take = _Take(self.chance)
        MAKERS[self.kind](take, sentences, WORDS[self.split])
        name = f"{self.split} {self.kind} {self.number}"
        return Clip(name, self.split, self.kind, take.on_the_line(), take.speech_sec, take.beep_sec)


def _plan(split: Split, kind: Kind, number: int) -> _Plan:
    chance = random.Random(f"{SEED}/{split}/{kind}/{number}")
    return _Plan(split, kind, number, chance, _speech(WORDS[split], kind, chance))


def _speech(words: Words, kind: Kind, chance: random.Random) -> Speech | None:
    sentences = _sentences(words, kind, chance)
    return (
        Speech(sentences, chance.choice(words.voices), chance.randint(125, 195), chance.randint(25, 75))
        if sentences
        else None
    )


def _sentences(words: Words, kind: Kind, chance: random.Random) -> tuple[str, ...]:
    match kind:
        case Kind.HELLO | Kind.NAMED | Kind.BUSINESS:
            bank = {Kind.HELLO: words.hello, Kind.NAMED: words.named, Kind.BUSINESS: words.business}[kind]
            return (chance.choice(bank), chance.choice(words.hello))
        case Kind.VOICEMAIL:
            middle = [
                *chance.sample(words.absences, chance.randint(0, 2)),
                *chance.sample(words.requests, chance.randint(1, 2)),
            ]
            return (chance.choice(words.openings), *middle, *chance.sample(words.farewells, chance.randint(0, 1)))
        case Kind.ROBOT:
            return (chance.choice(words.robots),)
        case Kind.TONES:
            return (chance.choice(words.gone),)
    return ()


def _spoken(speech: Speech | None, folder: Path) -> list[np.ndarray]:
    """The sentences apart, without the silence around them, the loudest sample being 1."""
    if speech is None:
        return []
    assert shutil.which("espeak-ng"), "espeak-ng is not installed; scripts/system_packages.sh installs it"
    pause = f'<break time="{BREAK_SEC:g}s"/>'
    text = folder / f"{abs(hash(speech))}.xml"
    text.write_text(f"<speak>{pause.join(escape(sentence) for sentence in speech.sentences)}</speak>")
    options = ["-m", "-b", "1", "-v", speech.voice, "-s", str(speech.speed), "-p", str(speech.pitch)]
    said = subprocess.run(["espeak-ng", *options, "--stdout", "-f", text], capture_output=True, check=True, timeout=60)
    with wave.open(BytesIO(said.stdout)) as sound:
        rate = sound.getframerate()
        samples = np.array(array("h", sound.readframes(10 * 60 * rate)), np.float32)
    parts = _apart(samples / max(1.0, float(np.abs(samples).max())), rate)
    assert len(parts) == len(speech.sentences), speech
    return [soxr.resample(part, rate, RATE) for part in parts]


def _apart(samples: np.ndarray, rate: int) -> list[np.ndarray]:
    """Cut where it is silent for most of a break."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    cuts = np.flatnonzero(np.diff(loud) > 0.7 * BREAK_SEC * rate)
    firsts, lasts = np.append(loud[0], loud[cuts + 1]), np.append(loud[cuts], loud[-1])
    return [samples[first : last + 1] for first, last in zip(firsts, lasts, strict=True)]


class _Take:
    """One clip as it is put together.

    Args:
        chance: decides.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.parts: list[np.ndarray] = []
        self.speech_sec = (0.0, 0.0)
        self.beep_sec: tuple[float, float] | None = None
        self.loud = 10 ** (chance.uniform(-20, -4) / 20)

    @property
    def sec(self) -> float:
        """How long it is by now."""
        return sum(map(len, self.parts)) / RATE

    def wait(self, sec: float) -> None:
        """Silence."""
        self.parts.append(np.zeros(round(sec * RATE)))

    def say(self, sentences: list[np.ndarray], pauses: tuple[float, float]) -> None:
        """Sentences, with pauses between."""
        began = self.sec
        for number, sentence in enumerate(sentences):
            if number:
                self.wait(self.chance.uniform(*pauses))
            self.parts.append(sentence * self.loud)
        self.speech_sec = (began, self.sec)

    def tone(self, sec: float, *hertz: float, loud: float = 0.2) -> None:
        """One tone of one or several frequencies, with soft edges."""
        at = np.arange(round(sec * RATE)) / RATE
        sound = sum((np.sin(2 * np.pi * each * at) for each in hertz), np.zeros(len(at))) * loud / len(hertz)
        edge = np.minimum(1, np.minimum(at, sec - at) / 0.005)
        self.parts.append(sound * edge)

    def beep(self, hertz: tuple[int, ...]) -> None:
        """What asks to speak: once, or twice in quick succession."""
        began, sec = self.sec, self.chance.choice((0.2, 0.3, 0.5, 0.8, 1.2))
        pitch, loud = self.chance.choice(hertz), self.chance.uniform(0.05, 0.3)
        self.tone(sec, pitch, loud=loud)
        if self.chance.random() < 0.15:
            self.wait(0.15)
            self.tone(sec, pitch, loud=loud)
        self.beep_sec = (began, self.sec)

    def on_the_line(self) -> bytes:
        """With the line's own noise, its band and its coding."""
        sound = np.concatenate(self.parts)
        noise = np.random.default_rng(self.chance.randrange(1 << 32))
        kind = self.chance.choice(("clean", "comfort", "white", "hum", "room"))
        sound = sound + _noise(kind, len(sound), self.chance.uniform(-65, -45), noise)
        band = _band(sound)
        return decode(encode(np.clip(np.rint(band * 32767), -32768, 32767).astype(np.int16))).tobytes()


def _noise(kind: str, count: int, level_db: float, noise: np.random.Generator) -> np.ndarray:
    """So much of it, `level_db` below the loudest."""
    level = 10 ** (level_db / 20)
    white = noise.standard_normal(count, np.float32)
    match kind:
        case "clean":
            return white * 10 ** (-75 / 20)
        case "comfort":
            return white * min(level, 10 ** (-55 / 20))
        case "hum":
            return (1.4 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE) + 0.1 * white) * level
        case "room":
            steps = np.arange(0, count + RATE // 2, RATE // 2)
            swell = np.interp(np.arange(count), steps, noise.uniform(0.4, 1.6, len(steps)))
            pink = np.convolve(white, 0.8 ** np.arange(12), "same")
            return pink / pink.std() * swell * level
    return white * level


def _band(sound: np.ndarray) -> np.ndarray:
    """300 to 3,400 Hz, as a telephone has it."""
    size = -(-len(sound) // 8192) * 8192
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    passed = np.clip((hertz - 150) / 150, 0, 1) * np.clip((3700 - hertz) / 300, 0, 1)
    return np.fft.irfft(np.fft.rfft(sound.astype(np.float32), size) * passed, size)[: len(sound)]


def _left_over(take: _Take) -> None:
    """The end of a ring, as it is heard where the answer is quicker than the sound."""
    if take.chance.random() < 0.15:
        take.tone(take.chance.uniform(0.1, 0.9), *take.chance.choice(((440, 480), (425,), (400, 450))), loud=0.1)


def _click(take: _Take) -> None:
    """A handset that is taken up."""
    if take.chance.random() < 0.2:
        noise = np.random.default_rng(take.chance.randrange(1 << 32))
        take.parts.append(noise.standard_normal(round(0.03 * RATE)) * 0.15 * np.linspace(1, 0, round(0.03 * RATE)))


def _person(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    """Says something, waits, and asks again where nobody speaks."""
    _left_over(take)
    _click(take)
    take.wait(min(2.2, take.chance.lognormvariate(-0.8, 0.7)))
    take.parts.append(sentences[0] * take.loud)
    take.wait(take.chance.uniform(1.3, 3.0))
    if take.chance.random() < 0.5:
        take.parts.append(sentences[1] * take.loud)
    take.wait(max(0.0, HEARD_SEC - take.sec))


def _voicemail(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    """A greeting that somebody recorded, and mostly a beep."""
    _left_over(take)
    take.wait(min(2.2, take.chance.lognormvariate(-0.7, 0.7)))
    take.say(sentences, (0.2, take.chance.choice((0.5, 0.7, 1.0, 1.6))))
    _close(take, words)


def _robot(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    take.wait(take.chance.uniform(0.1, 1.5))
    take.say(sentences, (0.0, 0.0))
    _close(take, words)


def _close(take: _Take, words: Words) -> None:
    """The beep, and the silence in which it records."""
    take.wait(take.chance.uniform(0.1, 1.5))
    if take.chance.random() < 0.85:
        take.beep(words.beeps_hertz)
    take.wait(6.0)


def _music(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    """Chords, each struck and dying away."""
    take.wait(take.chance.uniform(0.0, 0.5))
    scale = [220 * 2 ** (step / 12) for step in (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)]
    beat = take.chance.choice((0.2, 0.3, 0.45))
    while take.sec < HEARD_SEC:
        at = np.arange(round(beat * RATE)) / RATE
        notes = take.chance.sample(scale, take.chance.randint(1, 3))
        waves = [np.sin(2 * np.pi * note * part * at) / part**1.5 for note in notes for part in range(1, 6)]
        take.parts.append(sum(waves) * np.exp(-at * take.chance.uniform(1, 5)) * take.loud * 0.15)


def _tones(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    """Three tones that rise, and why the call failed (ITU-T E.180)."""
    take.wait(take.chance.uniform(0.0, 1.0))
    for hertz in take.chance.choice(((950, 1400, 1800), (985.2, 1428.5, 1776.7), (913.8, 1370.6, 1776.7))):
        take.tone(take.chance.choice((0.274, 0.33, 0.38)), hertz, loud=0.15)
    take.wait(0.1)
    take.say(sentences, (0.0, 0.0))
    take.wait(6.0)


def _fax(take: _Take, sentences: list[np.ndarray], words: Words) -> None:
    """A fax that calls, or one that answers (ITU-T T.30)."""
    take.wait(take.chance.uniform(0.2, 1.2))
    if take.chance.random() < 0.6:
        for _ in range(3):
            take.tone(0.5, 1100 + take.chance.uniform(-30, 30), loud=0.15)
            take.wait(3.0)
    else:
        take.tone(3.0, 2100, loud=0.15)
        take.wait(4.0)


MAKERS = {
    Kind.HELLO: _person,
    Kind.NAMED: _person,
    Kind.BUSINESS: _person,
    Kind.VOICEMAIL: _voicemail,
    Kind.ROBOT: _robot,
    Kind.MUSIC: _music,
    Kind.TONES: _tones,
    Kind.FAX: _fax,
}

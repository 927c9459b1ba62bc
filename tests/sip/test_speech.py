"""Texts that are spoken by a command."""

import asyncio
import os
import shutil
import sys
import wave

import pytest
from tests.process.serving import eventually
from tests.sip.recordings import samples, write_sound

from ringback.carriers.carrier import Agent
from ringback.carriers.sip import speech
from ringback.carriers.sip.agents.message import prepare
from ringback.carriers.sip.cache import Cache
from ringback.carriers.sip.sounds import SPEAKERS, Sounds, open_sounds
from ringback.carriers.sip.speech import DEFAULT_COMMAND, NICENESS, fill_command, parse_command, speak
from ringback.config import SPEECH_COMMAND
from ringback.errors import SpeechFailed, UnknownFileType

SPEAKER = """
import os, sys, wave
arguments = dict(word.split("=", 1) for word in sys.argv[1:])
text = open(arguments["text"], encoding="utf-8").read() if "text" in arguments else sys.stdin.buffer.read().decode()
with wave.open(arguments.get("wav") or sys.stdout.buffer, "wb") as sound:
    sound.setparams((1, 2, 8000, 0, "NONE", ""))
    sound.writeframes(bytes(2 * 100 * len(text)))
with open(os.environ["SAID"], "a", encoding="utf-8") as said:
    print(text, arguments.get("voice"), *sorted(n for n in os.environ if n.startswith("RINGBACK_")), file=said)
"""


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What a speech command of ours was given, a line for each time; it plays 100 samples for each character."""
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    (tmp_path / "speaker.py").write_text(SPEAKER)
    return lambda: (tmp_path / "said").read_text().splitlines() if (tmp_path / "said").exists() else []


@pytest.fixture
def command(tmp_path, said):
    """It, with files for both."""
    return f"'{sys.executable}' '{tmp_path / 'speaker.py'}' text={{text_file}} wav={{wav_file}} voice={{voice}}"


def frames(path):
    """How many samples a WAV file has."""
    with wave.open(str(path)) as sound:
        return sound.getnframes()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
async def test_default_command_speaks(tmp_path):
    """Out of the box, in words of any script, at the rate of the line; a text that looks like an option is one said."""
    sounds = open_sounds(tmp_path / "sounds", None)
    for text, voice in (("Your appointment is tomorrow.", "en-us"), ("Grüße, Zoë", "de"), ("-f /etc/passwd", "en")):
        sound, rate = samples(await sounds.spoken(text, voice, voice, 16000))
        assert rate == 16000
        assert len(sound) > 0.5 * rate
        assert max(abs(sound)) > 0.1


async def test_text_is_given_by_file_or_by_standard_input(tmp_path, said, command):
    """And the sound taken from a file or from standard output, as the command has it."""
    streams = command.replace("text={text_file}", "").replace("wav={wav_file}", "")
    for words in (parse_command(command), parse_command(streams)):
        await speak(words, "Grüße {voice} $HOME", "v1", "de", tmp_path / "out.wav")
        assert frames(tmp_path / "out.wav") == 100 * len("Grüße {voice} $HOME")
    assert said() == ["Grüße {voice} $HOME v1"] * 2


async def test_command_is_given_no_secret_of_ours(tmp_path, said, command, monkeypatch):
    """It runs with the environment of the worker, without what begins with RINGBACK_."""
    monkeypatch.setenv("RINGBACK_SECRET_KEY", "x")
    await speak(parse_command(command), "Hello", "v", "en", tmp_path / "out.wav")
    assert said() == ["Hello v"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("say -v {voice} -o {wav_file}", ["say", "-v", "V", "-o", "W"]),
        ("say --lang={language} '{text_file}' \"a b\"", ["say", "--lang=L", "T", "a b"]),
        ("say {other} {{voice}} $HOME;x", ["say", "{other}", "{V}", "$HOME;x"]),
    ],
)
def test_words_of_a_command_are_filled_in(command, words):
    """Only what is known is; there is no shell."""
    values = {"voice": "V", "language": "L", "text_file": "T", "wav_file": "W"}
    assert fill_command(parse_command(command), values) == words


def test_what_stands_in_a_value_is_not_filled_in():
    """A voice that looks like a place for something is a voice."""
    values = {"voice": "{wav_file}", "language": "", "text_file": "", "wav_file": "W"}
    assert fill_command(("{voice}",), values) == ["{wav_file}"]


@pytest.mark.parametrize("command", ["", "   ", "say 'hello"])
def test_command_that_is_none_is_refused(tmp_path, command):
    """With what is wrong with it."""
    with pytest.raises(SpeechFailed):
        Sounds(Cache(tmp_path), command)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/speak {text_file}", "cannot be run: No such file"),
        ("false", "failed with status 1"),
        ("sh -c 'echo no such voice >&2; exit 7'", "failed with status 7: no such voice"),
        ("true", "said nothing"),
    ],
)
async def test_command_that_does_not_speak_is_told_of(tmp_path, command, why):
    """With its own words, and nothing is kept."""
    with pytest.raises(SpeechFailed, match=why):
        await Sounds(Cache(tmp_path), command).spoken("Hello", "v", "en", 8000)
    assert list(tmp_path.iterdir()) == []


async def test_command_that_makes_no_audio_is_told_of(tmp_path):
    """What it wrote is looked at as everything is."""
    with pytest.raises(UnknownFileType, match="neither WAV"):
        await Sounds(Cache(tmp_path), "cp {text_file} {wav_file}").spoken("Hello", "v", "en", 8000)
    assert list(tmp_path.iterdir()) == []


async def test_command_that_takes_too_long_is_ended_with_all_it_started(tmp_path, monkeypatch):
    """Nobody waits on the line for ever, and no process is left."""
    monkeypatch.setattr(speech, "LONGEST_SEC", 0.5)
    started = tmp_path / "started"
    script = f"sleep 600 & echo $! > {started}; wait"
    with pytest.raises(SpeechFailed, match="took more than"):
        await speak(parse_command(f'sh -c "{script}"'), "Hello", "v", "en", tmp_path / "out.wav")
    if started.exists():  # on a machine that is slow enough it did not get there
        eventually(lambda: not is_running(int(started.read_text())))


async def test_command_that_nobody_waits_for_is_ended(tmp_path):
    """A worker that ends leaves none behind."""
    started = tmp_path / "started"
    words = parse_command(f"sh -c 'echo $$ > {started}.new; mv {started}.new {started}; exec sleep 600'")
    speaking = asyncio.create_task(speak(words, "Hello", "v", "en", tmp_path / "out.wav"))
    await asyncio.to_thread(eventually, started.exists)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    eventually(lambda: not is_running(int(started.read_text())))


def is_running(pid):
    """Whether a process runs; one that has ended and was not asked about yet does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  # Path would do no better
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_text_never_stands_on_a_command_line(tmp_path, said, command):
    """Everybody on a machine can read those."""
    words = parse_command(command)
    assert all("{text}" not in word for word in parse_command(DEFAULT_COMMAND))
    values = {"voice": "v", "language": "en", "text_file": str(tmp_path / "t"), "wav_file": "w"}
    assert "Ada owes 870.83" not in " ".join(fill_command(words, values))
    await speak(words, "Ada owes 870.83", "v", "en", tmp_path / "out.wav")
    assert said() == ["Ada owes 870.83 v"]


async def test_nothing_is_made_ready_while_others_are_spoken(tmp_path, monkeypatch):
    """Those who have answered do not wait for those who may; a text is spoken at a lower priority than calls have."""
    script = tmp_path / "slow.sh"
    script.write_text(
        f"echo $$ >> {tmp_path}/begun\nwhile ! [ -e {tmp_path}/go ]; do sleep 0.05; done\n"
        f"cp {write_sound(tmp_path / 'a.wav', 0.1)} $1\n"
    )
    monkeypatch.setenv(SPEECH_COMMAND, f"sh {script} {{wav_file}}")
    ready = [asyncio.create_task(prepare(Agent("message", {"text": f"{n}"}), tmp_path, 8000)) for n in range(SPEAKERS)]
    begun = tmp_path / "begun"
    await asyncio.to_thread(eventually, lambda: begun.exists() and len(begun.read_text().split()) == SPEAKERS)
    await prepare(Agent("message", {"text": "others"}), tmp_path, 8000)
    own, pids = os.nice(0), [int(pid) for pid in begun.read_text().split()]
    lower = min(own + NICENESS, 19)
    await asyncio.to_thread(eventually, lambda: {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {lower})
    (tmp_path / "go").touch()
    await asyncio.gather(*ready)
    assert len(list((tmp_path / "audio").iterdir())) == SPEAKERS
    assert len(begun.read_text().split()) == SPEAKERS


async def test_same_text_is_spoken_once(tmp_path, said, command):
    """Another text, voice, rate or command is another sound."""
    sounds = Sounds(Cache(tmp_path / "sounds"), command)
    first = await asyncio.gather(*(sounds.spoken("Hello", "v", "en", 8000) for _ in range(5)))
    assert len(set(first)) == len(said()) == 1
    again = Sounds(Cache(tmp_path / "sounds"), command)  # as after a restart
    assert await again.spoken("Hello", "v", "en", 8000) == first[0]
    assert len(said()) == 1
    others = [
        await sounds.spoken("Hello!", "v", "en", 8000),
        await sounds.spoken("Hello", "w", "en", 8000),
        await sounds.spoken("Hello", "v", "de", 8000),
        await sounds.spoken("Hello", "v", "en", 16000),
        await Sounds(Cache(tmp_path / "sounds"), command + " x=1").spoken("Hello", "v", "en", 8000),
    ]
    assert len({first[0], *others}) == 6
    assert len(said()) == 6
    assert all(path.suffix == ".wav" for path in (tmp_path / "sounds").iterdir())

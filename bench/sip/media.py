"""Is a message heard as it was recorded, and in time, on many calls at once?"""

import asyncio
import statistics
from pathlib import Path
from uuid import UUID

import psutil
import soundfile
from tests.carriers.over_sip import trunk
from tests.sip.dialling import Dialling, dialling
from tests.sip.media import RATE, MediaPort, Stream, likeness, media_port, speech_like
from tests.sip.numbers import Manner, number
from tests.sip.scenario import Pace
from tests.sip.sipp import sipp

from bench.figures import Context, Figure, Limit, Stopwatch, amount
from bench.machine import cpu_sec
from ringback.carriers.carrier import Agent

MOST_LATE, LEAST_ALIKE = Limit(30, most=True), Limit(0.99)
ONE_CORE = Limit(1, most=True)
PER_SEC = 20
LONGEST_SEC = 120


async def measure(context: Context, folder: Path) -> list[Figure]:
    """Play to so many at once."""
    calls, sec = (5, 3.0) if context.quick else (60, 30.0)
    sound, recording = speech_like(sec), folder / "message.wav"
    soundfile.write(recording, sound, RATE)
    agent = Agent("message", {"audio": str(recording), "pause_sec": 0.5})
    with context.step(f"{calls} messages at once"), media_port(echo=True) as media:
        cores = await _play(folder, media, calls, agent)
        streams = media.streams()
    assert len(streams) == calls, f"{len(streams)} of {calls} were played to"
    alike = [likeness(sound, stream.sound()) for stream in streams]
    return _figures(streams, alike, cores, calls)


async def _play(folder: Path, media: MediaPort, calls: int, agent: Agent) -> float:
    """Let the worker have its calls, on one core; returns how much of it that took."""
    with sipp(folder / "sipp", media_port=media.port, pace=Pace(ring=500)) as far_end:
        settings = trunk(far_end, max_call_sec=LONGEST_SEC, max_calls_per_worker=200)
        async with dialling(settings, folder) as trunk_calls:
            attempts = await _dial(trunk_calls, calls, agent)
            [worker] = trunk_calls.workers()
            _keep_on_one_core(worker)
            used, watch = cpu_sec(worker.pid), Stopwatch()
            ends = [await trunk_calls.ended(attempt, LONGEST_SEC) for attempt in attempts]
            cores = (cpu_sec(worker.pid) - used) / watch.sec()
    faults = [fault for end in ends if (fault := (end.details or {}).get("agent_error"))]
    assert not faults, faults
    return cores


async def _dial(calls: Dialling, count: int, agent: Agent) -> list[UUID]:
    attempts = []
    for serial in range(count):
        attempts.append(await calls.place(number(Manner.STAYS, serial), agent))
        await asyncio.sleep(1 / PER_SEC)
    return attempts


def _keep_on_one_core(worker: psutil.Process) -> None:
    """All threads of it, those to come as well."""
    cores = worker.cpu_affinity()
    for thread in worker.threads():
        psutil.Process(thread.id).cpu_affinity(cores[:1])
    worker.cpu_affinity(cores[:1])


def _figures(streams: list[Stream], alike: list[float], cores: float, calls: int) -> list[Figure]:
    what = f"media: {calls} messages at once on one core"
    late_ms = [late for stream in streams for late in stream.late_ms()]
    parts = statistics.quantiles(late_ms, n=1000, method="inclusive")
    spread = f"p50 {amount(parts[499])}, p99 {amount(parts[989])}, the latest {amount(max(late_ms))}"
    return [
        Figure(f"{what}, 999 of 1,000 frames late by less than", parts[998], "ms", MOST_LATE, rounds=spread),
        Figure(f"{what}, the least correlation with the recording", min(alike), "", LEAST_ALIKE),
        Figure(f"{what}, frames missing", sum(stream.missing() for stream in streams), "frames", Limit(0, most=True)),
        Figure(f"{what}, cores in use by the worker", cores, "cores", ONE_CORE),
    ]

"""What does a worker keep of the calls that it had? One has call after call, and is looked at twice."""

import asyncio
import os
import random
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.carriers.over_sip import trunk
from tests.sip.dialling import Dialling, dialling
from tests.sip.numbers import AT_MOST, Manner, Way, number, refusal
from tests.sip.scenario import Pace
from tests.sip.sipp import sipp

from bench.figures import Context, Figure, Limit, amount
from bench.sip.cores import Cores, all_of, one
from bench.sip.dials import all_ended, dial_all

PER_SEC = 90
MOST_UP = 200
REST_SEC = 40.0
"""After the last call of a part: transactions are kept for 32 s (RFC 3261, section 17)."""
LONGEST_SEC = 60.0
PEOPLE = (
    *(Manner.ANSWERS, Manner.DROPS, Manner.STAYS, Manner.EARLY_MEDIA_THEN_BUSY, Manner.RINGS, Manner.ANSWERS_AT_ONCE),
    *(refusal(486), refusal(404), refusal(603, Way.RUNG), refusal(503, Way.RETRY_AFTER)),
)
MOST_GROWTH, MOST_MORE = Limit(5, most=True), Limit(0, most=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a worker holds: resident memory in MB, descriptors, threads."""

    memory_mb: float
    descriptors: int
    threads: int


async def measure(context: Context, folder: Path) -> list[Figure]:
    """After the first calls, and after them all."""
    warm, calls = (50, 150) if context.quick else (1_000, 20_000)
    rest_sec = 1.0 if context.quick else REST_SEC
    with (
        context.step(f"{calls:,} calls of one worker", 2) as done,
        sipp(folder / "sipp", pace=Pace(ring=100, talk=300, linger=500)) as far_end,
    ):
        settings = trunk(far_end, ring_timeout_sec=1, max_call_sec=1, dials_per_sec_per_worker=100)
        async with dialling(settings, folder) as trunk_calls:
            first = await _have(trunk_calls, warm, rest_sec)
            done()
            who = {"worker": all_of(trunk_calls.workers), "SIPp": one(far_end.process.pid), "bench": one(os.getpid())}
            cores = Cores(who)
            last = await _have(trunk_calls, calls - warm, rest_sec)
            used = cores.words()
            done()
    return _figures(first, last, warm, calls, used)


async def _have(calls: Dialling, count: int, rest_sec: float) -> Kept:
    """Let it have so many calls more, and look what it holds once nothing of them is to come."""
    chance, before = random.Random(count), len(calls.ends)
    people = [number(chance.choice(PEOPLE), chance.randrange(AT_MOST)) for _ in range(count)]
    await dial_all(calls, people, PER_SEC, MOST_UP)
    await all_ended(calls, before + count, LONGEST_SEC)
    await asyncio.sleep(rest_sec)
    calls.events.clear()
    [worker] = calls.workers()
    return kept(worker)


def kept(worker: psutil.Process) -> Kept:
    """What it holds now."""
    with worker.oneshot():
        return Kept(worker.memory_info().rss / 1e6, worker.num_fds(), worker.num_threads())


def _figures(first: Kept, last: Kept, warm: int, calls: int, cores: str) -> list[Figure]:
    what, then = f"leak: one worker, from {warm:,} calls to {calls:,}", f"after {warm:,}:"
    return [
        Figure(
            f"{what}, memory more",
            last.memory_mb - first.memory_mb,
            "MB",
            MOST_GROWTH,
            f"{then} {amount(first.memory_mb)} MB",
            cores,
        ),
        Figure(
            f"{what}, descriptors more",
            last.descriptors - first.descriptors,
            "descriptors",
            MOST_MORE,
            f"{then} {first.descriptors}",
        ),
        Figure(f"{what}, threads more", last.threads - first.threads, "threads", MOST_MORE, f"{then} {first.threads}"),
    ]

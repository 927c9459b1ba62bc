"""Many dials over a carrier, at a pace."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from tests.sip.dialling import Dialling

from bench.figures import Stopwatch
from ringback.errors import RingbackError

LOOK_SEC = 0.005
START_SEC = 30.0


async def dial_all(calls: Dialling, numbers: Sequence[str], per_sec: float, most_up: int) -> dict[UUID, str]:
    """Dial them all, as soon as it is their turn and the workers have room; returns the attempts.

    Args:
        calls: the carrier.
        numbers: whom to dial, in order.
        per_sec: dials a second.
        most_up: dials that are up at a time at most.
    """
    await _first_worker(calls)
    asked: list[asyncio.Task[UUID]] = []
    begun, watch = len(calls.ends), Stopwatch()

    def may_dial(turn: int) -> bool:
        up = turn - (len(calls.ends) - begun)
        return watch.sec() >= turn / per_sec and up < most_up and bool(calls.carrier.room())

    for turn, number in enumerate(numbers):
        while not may_dial(turn):  # noqa: ASYNC110  # the carrier tells nobody that it has room
            await asyncio.sleep(LOOK_SEC)
        asked.append(asyncio.create_task(calls.place(number)))
    return dict(zip(await asyncio.gather(*asked), numbers, strict=True))


async def all_ended(calls: Dialling, count: int, within_sec: float) -> None:
    """Wait for their ends.

    Raises:
        RingbackError: some have none.
    """
    watch = Stopwatch()
    while len(calls.ends) < count:
        if watch.sec() > within_sec:
            raise RingbackError(f"only {len(calls.ends):,} of {count:,} dials have ended within {within_sec:.0f} s")
        await asyncio.sleep(LOOK_SEC)


async def _first_worker(calls: Dialling) -> None:
    """Time is counted from when the trunk takes dials at all."""
    watch = Stopwatch()
    while not calls.carrier.room():
        if watch.sec() > START_SEC:
            raise RingbackError(f"the trunk takes no dials: {calls.carrier.ailing}")
        await asyncio.sleep(LOOK_SEC)

"""The engine on a virtual clock: the same duties on the same database, one after another, and time in between.

Nothing runs side by side here, so the same seed gives the same dials in the same order, run after run.
"""

from collections.abc import Callable

from whenever import Instant, TimeDelta

from ringback.clock import VirtualClock
from ringback.engine.engine import Engine

TICK = TimeDelta(seconds=1)
"""Whatever happens within a tick is dealt with in one batch, as it is when a real engine is busy."""

FINISH_EVERY = TimeDelta(minutes=10)


async def run_virtual(
    engine: Engine, clock: VirtualClock, until: Instant, moved_to: Callable[[Instant], None], tick: TimeDelta = TICK
) -> None:
    """Run the engine from the clock's time until nothing is left to do, or until `until`.

    Args:
        engine: made with this clock, and with a lease that outlasts the run.
        clock: stands still while work is done.
        until: the last instant at which work is done.
        moved_to: told of each new time, for a display.
        tick: how far the clock moves at the least.
    """
    await engine.node.lease.run_once()
    finish_at = clock.now()
    while True:
        await _work(engine)
        if clock.now() >= finish_at:
            await engine.finisher.run_once()
            finish_at = clock.now() + FINISH_EVERY
        wake = _next_wake(engine, clock)
        if wake is None or wake > until:
            break
        paced = engine.node.hand.next_place_at()  # to the very instant: in a tick there may be several
        clock.advance_to(min(at for at in (at_least(clock.now(), wake, tick), paced) if at is not None))
        moved_to(clock.now())
    await engine.finisher.run_once()


async def _work(engine: Engine) -> None:
    """Let the duties run until none finds anything. Only a claim that finds nothing knows when the next dial is due."""
    while True:
        while await engine.settler.run_once():
            pass
        claimed = await engine.dialler.run_once()
        await engine.placer.run_once()
        if not engine.node.hand.inbox and not claimed:
            return


def _next_wake(engine: Engine, clock: VirtualClock) -> Instant | None:
    waiting = (clock.next_timer(), engine.node.hand.next_place_at(), engine.dialler.next_due)
    return min((at for at in waiting if at is not None), default=None)


def at_least(now: Instant, wake: Instant, tick: TimeDelta) -> Instant:
    """The next whole tick at or after `wake`."""
    step = int(tick.total("nanoseconds"))
    ahead = max(int((wake - now).total("nanoseconds")), 1)
    return now + TimeDelta(nanoseconds=-(-ahead // step) * step)

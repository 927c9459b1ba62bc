"""A carrier without a telephone: it plays each dial's script on the clock."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import (
    Answered,
    Dial,
    Ended,
    Knowledge,
    Listener,
    NeverPlaced,
    Over,
    Ringing,
    StillUp,
    Unknown,
)
from ringback.carriers.simulator.model import SETUP_SEC, Script, longest_sec, script
from ringback.carriers.simulator.record import Record, place_of
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.clock import Clock, seconds
from ringback.domain.outcome import EndReason
from ringback.errors import CarrierUnavailable, NotAsked


def _nothing() -> None:
    """Before a dial's first timer there is none to cancel."""


class _Up(msgspec.Struct, eq=False):
    """A dial that is not over, and how far it has come."""

    attempt_id: UUID
    script: Script
    placed_at: Instant
    rang_at: Instant | None = None
    answered_at: Instant | None = None
    cancel_timer: Callable[[], None] = _nothing


Step = Callable[[_Up, Instant], None]


class Simulator:
    """Places dials with simulated people. It dials as often as it is asked to, as a real far end does.

    Args:
        settings: the people, the route and the speed.
        clock: when it is, and what runs the timers.
        listener: told of each event; at speed 0 from within `place`.
        record: where to write down each dial, None for nowhere.
    """

    wants_agents = False
    outlives_node = True
    ailing = None

    def __init__(
        self, settings: SimulatorSettings, clock: Clock, listener: Listener, record: Record | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._record = record
        self._up: dict[UUID, list[_Up]] = {}
        self._hung_up: dict[UUID, Over] = {}
        self._closed = False

    @property
    def longest(self) -> TimeDelta:
        """From the request to the end of a dial at most: the ring time-out and the longest conversation."""
        return seconds(longest_sec(self._settings))

    def room(self) -> int | None:
        """As many as come."""
        return None

    async def place(self, dial: Dial, by: Instant) -> Instant:
        """Ask the far end to dial, once. Returns when it was asked.

        Raises:
            NotAsked: `by` is over.
            CarrierUnavailable: the simulator is closed, or its record cannot be written: nothing was dialled.
            CarrierError: the record may or may not be on disk; `look_up` tells what it says.
        """
        if self._closed:
            raise CarrierUnavailable("the simulator is closed")
        now = self._clock.now()
        if now >= by:
            raise NotAsked("the time for this dial is over")
        call = _Up(dial.attempt_id, script(self._settings, dial, now), now)
        self._up.setdefault(call.attempt_id, []).append(call)
        if self._record is not None:
            await self._write_down(self._record, dial, call)
        if self._is_up(call):
            first = self._ring if call.script.ring_sec else self._end
            self._then(call, self._clock.now(), SETUP_SEC, first)
        return now

    async def hang_up(self, attempt_id: UUID, *, leaving: bool = False) -> None:  # noqa: ARG002  # calls outlive nodes
        """End a dial that rings or is connected; one that is over or unknown is left alone."""
        for call in self._up.pop(attempt_id, []):
            call.cancel_timer()
            ended = _cut_short(call, self._clock.now(), self._settings.speed)
            self._hung_up[attempt_id] = Over(call.placed_at, ended)
            self._listener(ended)

    async def look_up(self, dial: Dial) -> Knowledge:
        """What became of a dial: what this simulator sees, and otherwise what its record and the script tell.

        A record says nothing of hanging up, so a dial that another process hung up is told as if it had gone on.

        Raises:
            CarrierError: the record cannot be read, or another process is at it for long.
        """
        if calls := self._up.get(dial.attempt_id):
            return StillUp(calls[-1].placed_at)
        if dial.attempt_id in self._hung_up:
            return self._hung_up[dial.attempt_id]
        if self._record is None:
            return Unknown()
        placed_at = await self._record.placed_at(dial)
        return NeverPlaced() if placed_at is None else self._as_scripted(dial, placed_at)

    async def close(self) -> None:
        """Let go of timers and of the record. Dials that are up stay up, as their scripts have it."""
        self._closed = True
        for calls in self._up.values():
            for call in calls:
                call.cancel_timer()
        self._up.clear()
        if self._record is not None:
            await self._record.close()

    async def _write_down(self, record: Record, dial: Dial, call: _Up) -> None:
        written = False
        try:
            await record.append(dial, call.placed_at)
            written = True
        finally:
            if not written:
                self._forget(call)

    def _as_scripted(self, dial: Dial, placed_at: Instant) -> Knowledge:
        planned = script(self._settings, dial, placed_at)
        over_at = self._when(placed_at, planned.over_after_sec)
        if over_at > self._clock.now():
            return StillUp(placed_at)
        return Over(placed_at, _ended(dial.attempt_id, planned, over_at))

    def _then(self, call: _Up, now: Instant, life_sec: float, step: Step) -> None:
        """Take a step `life_sec` seconds of life after the dial was placed; at speed 0 at once."""
        if self._settings.speed == 0:
            step(call, now)
        else:
            due = self._when(call.placed_at, life_sec)
            call.cancel_timer = self._clock.call_at(due, lambda: step(call, self._clock.now()))

    def _ring(self, call: _Up, now: Instant) -> None:
        call.rang_at = now
        self._listener(Ringing(call.attempt_id, now))
        self._then(call, now, call.script.answered_after_sec, self._answer if call.script.answered else self._end)

    def _answer(self, call: _Up, now: Instant) -> None:
        call.answered_at = now
        self._listener(Answered(call.attempt_id, now))
        self._then(call, now, call.script.over_after_sec, self._end)

    def _end(self, call: _Up, now: Instant) -> None:
        self._forget(call)
        self._listener(_ended(call.attempt_id, call.script, now))

    def _is_up(self, call: _Up) -> bool:
        return call in self._up.get(call.attempt_id, ())

    def _forget(self, call: _Up) -> None:
        call.cancel_timer = _nothing
        if self._is_up(call):
            self._up[call.attempt_id].remove(call)
            if not self._up[call.attempt_id]:
                del self._up[call.attempt_id]

    def _when(self, placed_at: Instant, life_sec: float) -> Instant:
        speed = self._settings.speed
        return placed_at + seconds(life_sec / speed) if speed else placed_at


def open_simulator(settings: SimulatorSettings, clock: Clock, listener: Listener, base: Path) -> Simulator:
    """A simulator with its record open.

    Args:
        settings: with `record` either absolute or within `base`.
        clock: when it is, and what runs the timers.
        listener: told of each event.
        base: the folder for a record whose path is relative.

    Raises:
        CarrierUnavailable: the record can neither be opened nor made, or is what the data directory has itself.
    """
    record = None if settings.record is None else Record(place_of(settings.record, base))
    return Simulator(settings, clock, listener, record)


def _ended(attempt_id: UUID, planned: Script, at: Instant) -> Ended:
    return Ended(
        attempt_id,
        at,
        planned.reason,
        ring_sec=planned.ring_sec,
        duration_sec=planned.talk_sec,
        answered_by=planned.answered_by,
        sip_code=planned.sip_code,
    )


def _cut_short(call: _Up, now: Instant, speed: float) -> Ended:
    if call.answered_at is None:
        rang_sec = _life_sec(call.rang_at, now, speed)
        return Ended(call.attempt_id, now, EndReason.CANCELLED_BY_OPERATOR, ring_sec=rang_sec, sip_code=487)
    return Ended(
        call.attempt_id,
        now,
        EndReason.AGENT_DISCONNECTED,
        ring_sec=call.script.ring_sec,
        duration_sec=_life_sec(call.answered_at, now, speed),
        answered_by=call.script.answered_by,
        sip_code=200,
    )


def _life_sec(since: Instant | None, now: Instant, speed: float) -> int:
    return 0 if since is None else int((now - since).total("seconds") * speed)

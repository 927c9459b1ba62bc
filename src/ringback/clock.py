"""The only reader of time. Everything else is told what `now` is."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Protocol

from whenever import Instant, TimeDelta


class Clock(Protocol):
    """What the engine and the carriers know of time."""

    def now(self) -> Instant:
        """The present instant."""
        ...

    def call_at(self, at: Instant, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` once the time has come; returns what cancels it."""
        ...


class SystemClock:
    """The machine's clock; timers run on the event loop of the caller."""

    def now(self) -> Instant:
        """The machine's time."""
        return Instant.now()

    def call_at(self, at: Instant, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` on the running event loop at `at`, or as soon as it can when that is past."""
        delay = max((at - self.now()).total("seconds"), 0.0)
        return asyncio.get_running_loop().call_later(delay, action).cancel


class VirtualClock:
    """A clock that stands still until it is moved: days pass in seconds, in a fixed order."""

    def __init__(self, start: Instant) -> None:
        self._now = start
        self._timers: list[tuple[Instant, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._waiting: set[int] = set()

    def now(self) -> Instant:
        """The instant to which this clock was last moved."""
        return self._now

    def call_at(self, at: Instant, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when the clock is moved to `at` or past it. Equal times run in the order they were asked."""
        ticket = next(self._order)
        heapq.heappush(self._timers, (at, ticket, action))
        self._waiting.add(ticket)
        return lambda: self._waiting.discard(ticket)

    def next_timer(self) -> Instant | None:
        """The time of the earliest timer that still waits."""
        while self._timers and self._timers[0][1] not in self._waiting:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance_to(self, at: Instant) -> None:
        """Move to `at`, running each timer on the way at its own time. Never moves back."""
        while (due := self.next_timer()) is not None and due <= at:
            self._now = max(self._now, due)
            _, ticket, action = heapq.heappop(self._timers)
            self._waiting.discard(ticket)
            action()
        self._now = max(self._now, at)


def seconds(count: float) -> TimeDelta:
    """`count` seconds as a span of time."""
    return TimeDelta(nanoseconds=round(count * 1_000_000_000))

"""The far end of the simulator's own tests."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from tests.carriers.far_end import EXPECTED, Behaviour, Condition, FarEnd
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import (
    CallEvent,
    Carrier,
    Dial,
    Ended,
    Listener,
)
from ringback.carriers.simulator.carrier import Simulator, open_simulator
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.clock import Clock, SystemClock, VirtualClock, seconds
from ringback.domain.outcome import EndReason

NOON = Instant.from_utc(2026, 3, 2, 12)
LIVELY = SimulatorSettings(
    seed=3, answer_rates=(0.5,) * 24, busy_share=0.2, invalid_share=0.1, mean_talk_sec=15, ring_timeout_sec=8
)
PATIENCE_SEC = 5.0
"""How long a test in real time waits for an event that should come at once."""


def dial_of(number: str, serial: int = 1, attempt: int = 1) -> Dial:
    """A dial with made-up ids, in UTC."""
    return Dial(
        UUID(int=0x7 << 76 | 0x8 << 60 | serial), UUID(int=0x7 << 76 | 0x9 << 60), attempt, number, None, ("UTC",)
    )


def number_that(settings: SimulatorSettings, at: Instant, reason: EndReason, talk_sec: int | None = None) -> str:
    """The first number whose first attempt at `at` ends for `reason`, after `talk_sec` where named."""
    numbers = (f"+1415{n:07}" for n in range(100_000))
    return next(
        number
        for number in numbers
        if (planned := script(settings, dial_of(number), at)).reason is reason and talk_sec in {None, planned.talk_sec}
    )


def files_held(folder: Path) -> list[str]:
    """The files below a folder, and the folder itself, that this process holds open."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208  # a name may be gone
    held = [str(link.readlink()) for link in links if link.is_symlink()]
    return [path for path in held if path.startswith(str(folder))]


class NoonClock:
    """The machine's clock, set to noon, so that no test runs across the end of an hour."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._fast_by = NOON - self._machine.now()

    def now(self) -> Instant:
        """Noon, and the time that has passed since."""
        return self._machine.now() + self._fast_by

    def call_at(self, at: Instant, action: Callable[[], None]) -> Callable[[], None]:
        """As the machine's clock does."""
        return self._machine.call_at(at - self._fast_by, action)


class SimulatedFarEnd(FarEnd):
    """A simulator's own people; `record` None is a simulator that forgets."""

    def __init__(self, clock: Clock, folder: Path, settings: SimulatorSettings) -> None:
        self.clock = clock
        self.folder = folder
        self.settings = settings
        self.remembers = settings.record is not None
        self.events: list[CallEvent] = []
        self.changed = asyncio.Event()

    def make_carrier(self, listener: Listener) -> Carrier:
        """A simulator; what it reports is kept here too."""

        def hear(event: CallEvent) -> None:
            self.events.append(event)
            listener(event)
            self.changed.set()

        return open_simulator(self.settings, self.clock, hear, self.folder)

    def number(self, behaviour: Behaviour) -> str:
        """The first that the model gives."""
        talk_sec = 10 if behaviour is Behaviour.ANSWERS else None
        return number_that(self.settings, self.clock.now(), EXPECTED[behaviour], talk_sec)

    def now(self) -> Instant:
        """The time of the clock."""
        return self.clock.now()

    def record(self) -> list[dict[str, object]]:
        """The lines of the record."""
        text = (self.folder / (self.settings.record or "")).read_text()
        return [json.loads(line) for line in text.splitlines()]

    def asked_for(self, attempt_id: UUID) -> int:
        """As its record says, or as the ends that came from it where it keeps none."""
        if not self.remembers:
            return sum(isinstance(event, Ended) and event.attempt_id == attempt_id for event in self.events)
        return [line["attempt_id"] for line in self.record()].count(ids.show(ids.ATTEMPT, attempt_id))

    def files_open(self) -> list[str]:
        """The files of the folder that this process holds open."""
        return files_held(self.folder)


class VirtualFarEnd(SimulatedFarEnd):
    """Time stands still until the test moves it."""

    def __init__(self, clock: VirtualClock, folder: Path, settings: SimulatorSettings) -> None:
        super().__init__(clock, folder, settings)
        self.virtual = clock

    async def until(self, condition: Condition) -> None:
        """Move from timer to timer."""
        while not condition():
            due = self.virtual.next_timer()
            assert due is not None, "nothing is to come"
            self.virtual.advance_to(due)

    async def let_time_pass(self) -> None:
        """An hour."""
        self.virtual.advance_to(self.virtual.now() + seconds(3_600))

    def left_running(self) -> list[str]:
        """Timers, tasks and files."""
        timers = [] if self.virtual.next_timer() is None else ["a timer"]
        tasks = [str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}]
        return timers + tasks + self.files_open()


class RealFarEnd(SimulatedFarEnd):
    """Time passes by itself, faster than life."""

    async def until(self, condition: Condition) -> None:
        """Wait for the next event."""
        async with asyncio.timeout(PATIENCE_SEC):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def let_time_pass(self) -> None:
        """Past the longest of the dials that these tests place."""
        passed = asyncio.Event()
        longest = max(script(self.settings, dial_of(self.number(how)), self.now()).over_after_sec for how in Behaviour)
        self.clock.call_at(self.now() + seconds((longest + 1) / self.settings.speed), passed.set)
        async with asyncio.timeout(PATIENCE_SEC):
            await passed.wait()

    def left_running(self) -> list[str]:
        """Tasks and files; a timer that is left is heard of as an event."""
        return [str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}] + self.files_open()


def lively() -> dict[str, object]:
    """LIVELY as its JSON object."""
    names = ("seed", "busy_share", "invalid_share", "mean_talk_sec", "ring_timeout_sec")
    return {name: getattr(LIVELY, name) for name in names} | {"answer_rates": list(LIVELY.answer_rates)}


Make = Callable[..., Simulator]
"""Makes a simulator that is LIVELY but for what is named."""

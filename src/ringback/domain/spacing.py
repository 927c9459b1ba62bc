"""How the dials of one call are spaced: a gap between any two, so many in a day, and other parts of the day."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from whenever import Instant, Time, TimeDelta, ZonedDateTime

from ringback.domain.waits import first_instant, show_duration
from ringback.domain.window import Zones, local_time

SPREAD_DAYS = 3
SPREAD_WITHIN = TimeDelta(hours=24 * SPREAD_DAYS)
"""A retry is moved by at most so much to find a new part of the day: over a weekend, and not by a week."""


class Part(StrEnum):
    """A part of the local day."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


_BEGINS = {Part.MORNING: 0, Part.AFTERNOON: 12, Part.EVENING: 17}
"""The local hour at which each part of the day begins; it ends where the next one does."""


class Spacing(NamedTuple):
    """What a policy asks of the dials of a call beside its waits.

    Attributes:
        min_gap_sec: at least so long from one dial to the next, None for no such rule.
        max_per_day: at most so many dials in a local day of the lead, None for no such rule.
        spread: whether a retry is moved to a part of the day in which the call was not dialled yet.
    """

    min_gap_sec: int | None = None
    max_per_day: int | None = None
    spread: bool = False

    @property
    def looks_back(self) -> bool:
        """Whether it has to know of dials before the last one."""
        return self.spread or self.max_per_day is not None


NO_SPACING = Spacing()


class Spaced(NamedTuple):
    """When a retry is due, and what moved it there from the end of its wait, in a policy's words."""

    at: Instant
    moved_by: tuple[str, ...]


FirstDial = Callable[[Instant], Instant | None]
"""The first instant from one on at which a dial may be placed, None where there is none left."""


class Spacer(NamedTuple):
    """Finds the time of one retry.

    Attributes:
        spacing: what the policy asks.
        dials: when the call was dialled so far, at least once.
        zones: where the lead may be. All of them count: a day is full that is full in one of them, and a part of the
            day is new that is new in each.
        first_dial: the calling window and the end.
    """

    spacing: Spacing
    dials: Sequence[Instant]
    zones: Zones
    first_dial: FirstDial

    def space(self, due: Instant, jitter: TimeDelta) -> Spaced | None:
        """The time of a retry whose wait is over at `due`, None where there is no time left.

        Args:
            due: the end of the wait, jitter included.
            jitter: is added to the beginning of a part of the day too, so that not all calls come there at once.
        """
        plain = self._plain(due)
        if plain is None or not self.spacing.spread:
            return plain
        return self._spread(plain, jitter) or plain

    def _plain(self, due: Instant) -> Spaced | None:
        """By the gap, the window and the day's most; nobody knows the day of a lead that has no zone."""
        if self.spacing.max_per_day is not None and not self.zones:
            return None
        at, moved = self._after_gap(due)
        opens = self.first_dial(at)
        while opens is not None:
            if opens > at:
                moved = _noted(moved, "calling_window")
            at = self._free_day(opens)
            if at == opens:
                return Spaced(at, moved)
            moved = _noted(moved, f"max_per_day: {self.spacing.max_per_day}")
            opens = self.first_dial(at)
        return None

    def _after_gap(self, due: Instant) -> tuple[Instant, tuple[str, ...]]:
        gap = self.spacing.min_gap_sec
        free = due if gap is None else max(self.dials) + TimeDelta(seconds=gap)
        return (free, (f"min_gap: {show_duration(gap)}",)) if gap is not None and free > due else (due, ())

    def _free_day(self, at: Instant) -> Instant:
        """`at`, or where its day has had all its dials the beginning of the next one."""
        most = self.spacing.max_per_day
        if most is None:
            return at
        return max((_next_day(at, zone) if self._dialled_on_day(at, zone) >= most else at) for zone in self.zones)

    def _dialled_on_day(self, at: Instant, zone: str) -> int:
        day = local_time(at, zone).date()
        return sum(local_time(dial, zone).date() == day for dial in self.dials)

    def _spread(self, plain: Spaced, jitter: TimeDelta) -> Spaced | None:
        """The first time from the plain one on that is in a new part of the day; None where there is none near."""
        tried = {zone: {part_of(local_time(dial, zone)) for dial in self.dials} for zone in self.zones}
        if not tried or any(len(parts) == len(Part) for parts in tried.values()):
            return None
        begins = (self.first_dial(begin + jitter) for begin in self._parts_after(plain.at))
        candidates = sorted(at for at in (plain.at, *begins) if at is not None and at <= plain.at + SPREAD_WITHIN)
        for at in candidates:
            if self._free_day(at) == at and all(
                part_of(local_time(at, zone)) not in tried[zone] for zone in self.zones
            ):
                part = f"spread: {part_of(local_time(at, self.zones[0]))}"
                return plain if at == plain.at else Spaced(at, _noted(plain.moved_by, part))
        return None

    def _parts_after(self, at: Instant) -> Iterator[Instant]:
        for zone in self.zones:
            today = local_time(at, zone).date()
            days = [today.add(days=n) for n in range(SPREAD_DAYS + 1)]
            begins = (first_instant(zone, day, hour * 60) for day in days for hour in _BEGINS.values())
            yield from (begin for begin in begins if begin > at)


def part_of(local: ZonedDateTime) -> Part:
    """The part of the day in which a local time lies."""
    return max((part for part, hour in _BEGINS.items() if hour <= local.hour), key=_BEGINS.__getitem__)


def _next_day(at: Instant, zone: str) -> Instant:
    """The first instant after `at` of the zone's next local day; clocks set back over midnight begin it twice."""
    tomorrow = local_time(at, zone).date().add(days=1)
    begins = first_instant(zone, tomorrow, 0)
    return begins if begins > at else tomorrow.at(Time(0)).assume_tz(zone, disambiguation="later").to_instant()


def _noted(moved: tuple[str, ...], by: str) -> tuple[str, ...]:
    return moved if by in moved else (*moved, by)

"""A campaign played ahead of time: what is asked for, what runs come to, and how sure one may be of the reach."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.analytics import Z, wilson
from ringback.domain.explain import Kind

HOUR_SEC = 3600

MOST_LEADS = 100_000
"""So many are played at most; where there are more, these stand for them."""

ENOUGH_LEADS, MOST_RUNS = 20_000, 20
"""Where there are fewer, they are played several times: more would hardly make the interval narrower."""

MOST_DAYS = 30

Key = TypeVar("Key")


class Order(msgspec.Struct, frozen=True):
    """What is asked for.

    Attributes:
        workspace_no: the tenant.
        campaign: the id of which campaign.
        at: the time of asking, RFC 3339.
        days: for so many days.
        seed: of all chance.
        leads: so many are played at most; they stand for the others.
        answers: the settings of the simulator's people; None for those of its trunk, or the usual ones.
        history_days: the dials of so many days say who answers; None where `answers` does.
    """

    workspace_no: int
    campaign: UUID
    at: str
    days: int
    seed: int
    leads: int = MOST_LEADS
    answers: dict[str, Any] | None = None
    history_days: int | None = None

    @property
    def now(self) -> Instant:
        """The time of asking."""
        return Instant.parse_iso(self.at)


@dataclass(slots=True)
class HourSums:
    """The dials of one hour, and the slots in it.

    Attributes:
        dials: placed in it.
        answered: of them, those that somebody or something picked up.
        reached: those that a person did.
        connected_sec: seconds connected.
        peak: calls that were up at a time, at most.
        wanted_sec: seconds for which the dials that came due in it had a slot, whenever that was, or would have had it.
    """

    dials: float = 0
    answered: float = 0
    reached: float = 0
    connected_sec: float = 0
    peak: float = 0
    wanted_sec: float = 0

    def times(self, factor: float) -> "HourSums":
        """Each figure so many times."""
        return HourSums(*(getattr(self, name) * factor for name in self.__slots__))

    def add(self, other: "HourSums") -> None:
        """Both together."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Reason(NamedTuple):
    """Why a lead can never be called: the kind as an explanation has it, the rule, and its pack."""

    kind: Kind
    rule: str
    pack: str | None


@dataclass(slots=True)
class Played:
    """What one run came to.

    Attributes:
        hours: by the number of the hour since 1970.
        billed_sec: seconds that are paid for.
        cost_micros: by currency.
        waited_sec: for how long dials waited for a slot, in all.
        longest_wait_sec: the longest of them did.
        ended_sec: when the last lead was over, in seconds since 1970; None where some are not.
        spent_sec: when a budget was used up, in seconds since 1970; None where none is.
        left: leads that are not over.
        finals: the others, by their final reason.
        never: those of them that could never be called, by the reason; they are counted in `finals` or `left` as well.
        examples: of each reason, places of some of the leads.
    """

    hours: dict[int, HourSums] = field(default_factory=dict)
    billed_sec: float = 0
    cost_micros: Counter[str] = field(default_factory=Counter)
    waited_sec: float = 0
    longest_wait_sec: float = 0
    ended_sec: int | None = None
    spent_sec: int | None = None
    left: int = 0
    finals: Counter[str] = field(default_factory=Counter)
    never: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, list[int]] = field(default_factory=dict)

    @property
    def mean_sec(self) -> float:
        """For how long a dial was up, 0 where there was none."""
        dials = sum(sums.dials for sums in self.hours.values())
        return sum(sums.wanted_sec for sums in self.hours.values()) / dials if dials else 0.0

    def hour(self, at_sec: int) -> HourSums:
        """The sums of the hour of an instant."""
        number = at_sec // HOUR_SEC
        if number not in self.hours:
            self.hours[number] = HourSums()
        return self.hours[number]


class Reach(NamedTuple):
    """How many leads are reached, and between which bounds that is to be expected."""

    leads: float
    low: float
    high: float


class Ended(NamedTuple):
    """When the runs were over, in seconds since 1970: the first, the middle and the last of them."""

    first: int
    middle: int
    last: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What runs come to together: means, each lead standing for as many as it was drawn from.

    Attributes:
        runs: how many there were.
        hours: those from the first to the last with a dial.
        billed_sec: seconds that are paid for.
        cost_micros: by currency.
        wait_sec: of a dial for a slot.
        longest_wait_sec: at most.
        needed: slots with which each dial would be placed within about an hour of when it is due.
        ended: when all leads are over; None where some are not in one of the runs.
        spent: when a budget is used up; None where none is in one of the runs.
        left: leads that are not over.
        finals: the others, by their final reason.
        never: leads that can never be called, by the reason.
        examples: of each reason, places of some of the leads.
    """

    runs: int
    hours: dict[int, HourSums]
    billed_sec: float
    cost_micros: dict[str, float]
    wait_sec: float
    longest_wait_sec: float
    needed: int
    ended: Ended | None
    spent: Ended | None
    left: float
    finals: dict[str, float]
    never: dict[Reason, float]
    examples: dict[Reason, list[int]]

    @property
    def whole(self) -> HourSums:
        """All hours together; the peak is the highest of them."""
        sums = HourSums()
        for one in self.hours.values():
            sums.add(one)
        sums.peak = max((one.peak for one in self.hours.values()), default=0)
        return sums


def together(runs: Sequence[Played], each: float = 1.0) -> Foreseen:
    """The means of runs.

    Args:
        runs: at least one.
        each: how many leads each lead of a run stands for.
    """
    share, hours = each / len(runs), dict[int, HourSums]()
    for run in runs:
        for number, sums in run.hours.items():
            hours.setdefault(number, HourSums()).add(sums.times(share))
    dials = sum(sums.dials for sums in hours.values())
    return Foreseen(
        len(runs),
        {number: hours.get(number, HourSums()) for number in range(min(hours), max(hours) + 1)} if hours else {},
        share * sum(run.billed_sec for run in runs),
        _mean((run.cost_micros for run in runs), share),
        share * sum(run.waited_sec for run in runs) / dials if dials else 0.0,
        max(run.longest_wait_sec for run in runs),
        math.ceil(max((sums.wanted_sec for sums in hours.values()), default=0) / HOUR_SEC),
        _ended([run.ended_sec for run in runs]),
        _ended([run.spent_sec for run in runs]),
        share * sum(run.left for run in runs),
        _mean((run.finals for run in runs), share),
        _mean((run.never for run in runs), share),
        runs[0].examples,
    )


def reach(reached: float, leads: int, played: int, known: int | None = None) -> Reach:
    """How many of some leads are reached in one run to come, with its 95 % interval.

    The interval is not that of the mean but of the run: it has the chance of that run in it, and that of the runs by
    which it was foreseen. Leads are reached independently of each other, so their number varies by no more than that
    of draws with the mean chance, whatever the chances of each: p(1 - p) is concave. Both chances are of p(1 - p) for
    each lead, so together they are that of as many draws as there would be in parallel (1/n = 1/leads + 1/played).

    Args:
        reached: of all leads, by the mean of the runs.
        leads: how many there are.
        played: how many were played, in all runs together.
        known: of rates that were learned, the answers that they were learned from; None for rates that are given. The
            reach moves with the rates, and by no larger a part than they do.
    """
    if not leads or not played:
        return Reach(0.0, 0.0, 0.0)
    share, draws = min(1.0, reached / leads), 1 / (1 / leads + 1 / played)
    found = wilson(share * draws, draws)
    low, high = (found.low, found.high) if found else (0.0, 1.0)
    error = 0.0 if known is None else Z * share / math.sqrt(max(known, 1))
    down, up = math.hypot(share - low, error), math.hypot(high - share, error)
    return Reach(reached, leads * max(0.0, share - down), leads * min(1.0, share + up))


def _mean(counts: Iterable[Counter[Key]], share: float) -> dict[Key, float]:
    whole: Counter[Key] = Counter()
    for one in counts:
        whole.update(one)
    return {key: share * count for key, count in whole.most_common()}


def _ended(found: list[int | None]) -> Ended | None:
    ends = sorted(end for end in found if end is not None)
    return Ended(ends[0], ends[len(ends) // 2], ends[-1]) if len(ends) == len(found) else None

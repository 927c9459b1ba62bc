"""Caps that change while calls are up: what was allowed at an instant, and when more than that was up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

NO_CAP = float("inf")
LimitName = tuple[str, object]
"""workspace, campaign, trunk or caller, and which one."""


@dataclass(frozen=True, slots=True)
class Change:
    """A cap that its owner set, between asking for it and being told that it was done; times in seconds."""

    value: float
    asked: float
    done: float


@dataclass(slots=True)
class Cap:
    """One cap and its changes, oldest first.

    Attributes:
        changes: the first is that of its making.
        grace_sec: how long after a change the value before it may still be used: a node may be frozen with what it
            was granted, and is answered for once its lease is over.
    """

    changes: list[Change] = field(default_factory=list)
    grace_sec: float = 0.0

    def allowed(self, at: float, since: float | None = None) -> float:
        """The most that was allowed at an instant, or at any since another."""
        begins = at if since is None else since
        ends = [change.done + self.grace_sec for change in self.changes[1:]] + [NO_CAP]
        values = [c.value for c, end in zip(self.changes, ends, strict=True) if c.asked <= at and begins <= end]
        return max(values, default=NO_CAP)


def overshoots(looks: Iterable[tuple[float, int]], cap: Cap) -> list[str]:
    """When more was up than allowed, and it was more than at the look before: after a cap is lowered it may only fall.

    Args:
        looks: (instant, how many were up), in order of time.
        cap: what was allowed.
    """
    found, last_at, last = [], None, 0
    for at, up in looks:
        if up > last and up > (allowed := cap.allowed(at, since=last_at)):
            found.append(f"{up} up at {at:.3f} where {allowed:.0f} were allowed")
        last_at, last = at, up
    return found


def ups(spans: Iterable[tuple[float, float]]) -> list[tuple[float, int]]:
    """How many spans last at each instant at which that changes; one that begins as another ends is not beside it."""
    changes = Counter[tuple[float, int]]()
    for begin, end in spans:
        changes[begin, 1] += 1
        changes[max(begin, end), -1] += 1
    looks, up = [], 0
    for (at, step), count in sorted(changes.items()):
        for _ in range(count):
            up += step
            looks.append((at, up))
    return looks


def too_fast(times: Iterable[float], pace: Cap) -> list[str]:
    """The seconds in which there were more dials than the pace allowed.

    Args:
        times: of the dials of a trunk.
        pace: its dials per second.
    """
    ordered, found, first = sorted(times), [], 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= 1:
            first += 1
        if last - first + 1 > (allowed := pace.allowed(at, since=ordered[first])):
            found.append(f"{last - first + 1} dials in the second up to {at:.3f} where {allowed:.0f} were allowed")
    return found

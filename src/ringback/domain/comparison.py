"""What a retry policy would have come to, by calls that were dialled under others.

Each past call is walked along a policy: after each attempt the policy is asked when it would have redialled. Where that
is when the call was redialled, or not at all and it does not matter what was done, the walk goes on; where it is at
another time, the call tells nothing of this policy from there on, and those with the same history so far that were
redialled at that time stand for it. Averaging over the histories gives what the policy comes to: the g-formula (Robins
1986), which for histories that are counted and not modelled is the same as weighting each call by the inverse of the
share of its like that went the policy's way. The interval is from the influence of each call on the result. No chance
is drawn: the same calls give the same answer. docs/analytics.md has the assumptions.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ringback.domain.analytics import Share, Z, wilson
from ringback.domain.past import Outcome, Walk, entry

FEWEST = 10
"""So few calls that went the policy's way stand for others only where all of their like went it."""

MOST_MISSING = 0.005
"""The share of calls of which nobody knows how the policy would have gone on, up to which it is still told."""


NOTHING: Outcome = (0.0, 0.0, 0.0)


class Unknown(NamedTuple):
    """A redial of the policy that was never made.

    Attributes:
        attempt: the ordinal of the attempt after which it would be.
        after: the retry key of that attempt's end.
        rule: the policy's entry, such as `busy: 2h`.
        share: of all calls, those that would come to it.
    """

    attempt: int
    after: str
    rule: str
    share: float


class Estimate(NamedTuple):
    """What a policy comes to.

    Attributes:
        mean: of a call.
        influence: of each call on the mean.
        whole: how many calls went the policy's way to their end.
        unknown: redials of which nothing is known, the most frequent first.
    """

    mean: Outcome
    influence: list[Outcome]
    whole: int
    unknown: tuple[Unknown, ...]

    @property
    def missing(self) -> float:
        """The share of calls that come to a redial of which nothing is known."""
        return sum(unknown.share for unknown in self.unknown)

    @property
    def is_supported(self) -> bool:
        """Whether the calls tell what the policy comes to."""
        return self.whole > 0 and self.missing <= MOST_MISSING


Alike = tuple[int, str, str]
"""Ordinal, retry key and entry of a redial: what histories of which there is too little are pooled by."""


@dataclass(slots=True)
class _Pool:
    """The redials after the same end and the same wait, whatever was before.

    Attributes:
        alike: what they have in common.
        followed: how many were made.
        weight: how many calls they stand for.
        total: the weighted sum of what they and all after them came to.
        borrowed: how many calls are stood for that had too few of their like.
    """

    alike: Alike
    followed: int = 0
    weight: float = 0.0
    total: Outcome = NOTHING
    borrowed: float = 0.0

    @property
    def mean(self) -> Outcome:
        """What is ahead; nothing is made of too few."""
        return _times(self.total, 1 / self.weight) if self.followed >= FEWEST else NOTHING


@dataclass(slots=True)
class _Node:
    """The calls with one history that are about to be redialled by the policy.

    Attributes:
        parent: those before their last attempt, None for all calls before their first.
        pool: those that have too much in common with them to be told apart where they are few.
        arrived: how many there are.
        followed: how many of them were redialled at the policy's time.
        total: the sum of what these redials came to.
        nexts: the node after it, for each of them that came to one.
        weight: how many calls each stands for.
        ahead: what is to be expected from here on.
    """

    parent: "_Node | None"
    pool: _Pool
    arrived: int = 0
    followed: int = 0
    total: Outcome = NOTHING
    nexts: list["_Node"] = field(default_factory=list)
    weight: float = 1.0
    ahead: Outcome = NOTHING

    @property
    def speaks(self) -> bool:
        """Whether enough of its calls went on to tell what is ahead, by themselves."""
        return 0 < self.followed == self.arrived or self.followed >= FEWEST

    @property
    def each(self) -> float:
        """How many calls each of its redials stands for."""
        return self.weight * self.arrived / self.followed if self.speaks else 0.0


def _plus(one: Outcome, other: Outcome) -> Outcome:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2])


def _times(one: Outcome, by: float) -> Outcome:
    return (one[0] * by, one[1] * by, one[2] * by)


def estimate(walks: Sequence[Walk]) -> Estimate:
    """What a policy comes to, by calls along it."""
    root = _Node(None, _Pool((0, "", "")))
    paths, nodes = _grow(root, walks)
    for node in nodes:
        if node.parent is not None:
            node.weight = node.parent.weight * node.parent.arrived / node.parent.followed
    missing = _look_ahead(nodes)
    influence = [_influence(call, path) for call, path in zip(walks, paths, strict=True)]
    unknown = [Unknown(*alike, calls / len(walks)) for alike, calls in missing.items()]
    unknown.sort(key=lambda one: (-one.share, one))
    return Estimate(root.ahead, influence, sum(call.is_whole for call in walks), tuple(unknown))


def _grow(root: _Node, walks: Iterable[Walk]) -> tuple[list[list[_Node]], list[_Node]]:
    """The nodes that each call comes to, and all of them, those before others first."""
    known: dict[tuple[int, str, str, str], _Node] = {}
    pools: dict[Alike, _Pool] = {}
    nodes, paths = [root], []
    for call in walks:
        node, path = root, [root]
        node.arrived += 1
        for n, step in enumerate(call.steps, 1):
            node.followed += 1
            node.total = _plus(node.total, step.outcome)
            if step.rule is None:
                break
            key = (id(node), call.part if n == 1 else "", step.after, step.rule)
            if key not in known:
                alike = (n, step.after, entry(step.rule))
                known[key] = _Node(node, pools.setdefault(alike, _Pool(alike)))
                nodes.append(known[key])
            node.nexts.append(known[key])
            node = known[key]
            node.arrived += 1
            path.append(node)
        paths.append(path)
    return paths, nodes


def _look_ahead(nodes: list[_Node]) -> dict[Alike, float]:
    """Fill in what is ahead of each node, the latest first; returns the calls for which that is not known."""
    missing: dict[Alike, float] = {}
    for depth in sorted({node.pool.alike[0] for node in nodes}, reverse=True):
        level = [node for node in nodes if node.pool.alike[0] == depth and node.arrived]
        for node in level:
            _add_up(node)
        for node in level:
            if not node.speaks:
                node.ahead = node.pool.mean
                node.pool.borrowed += node.weight * node.arrived
                if node.pool.followed < FEWEST:
                    missing[node.pool.alike] = node.pool.borrowed
    return missing


def _add_up(node: _Node) -> None:
    """What its own redials came to; its pool has them too."""
    total = node.total
    for after in node.nexts:
        total = _plus(total, after.ahead)
    pool = node.pool
    pool.followed += node.followed
    pool.weight += node.weight * node.followed
    pool.total = _plus(pool.total, _times(total, node.weight))
    if node.followed:
        node.ahead = _times(total, 1 / node.followed)


def _influence(call: Walk, path: list[_Node]) -> Outcome:
    """By how much a call moves the mean, times the number of calls: by its own history, and by those that borrow it."""
    moved = NOTHING
    for n, (node, step) in enumerate(zip(path, call.steps, strict=False)):
        came_to = _plus(step.outcome, path[n + 1].ahead) if n + 1 < len(path) else step.outcome
        moved = _plus(moved, _times(_plus(came_to, _times(node.ahead, -1)), node.each))
        if node.pool.borrowed and node.pool.followed >= FEWEST:
            lent = node.weight * node.pool.borrowed / node.pool.weight
            moved = _plus(moved, _times(_plus(came_to, _times(node.pool.mean, -1)), lent))
    return moved


class Interval(NamedTuple):
    """A mean, and between which bounds it lies."""

    value: float
    low: float
    high: float


class Expected(NamedTuple):
    """What is to be expected of a call.

    Attributes:
        reach: the share of calls that are reached.
        attempts: dials of a call.
        connected_sec: seconds connected of a call.
    """

    reach: Interval
    attempts: Interval
    connected_sec: Interval


def expected(found: Estimate) -> Expected:
    """What a policy comes to, with 95 % intervals; that of a share stays within 0 and 1 and is never empty."""
    shares = [one[0] for one in found.influence]
    reach = min(1.0, max(0.0, found.mean[0]))
    error = _error(shares)
    calls = reach * (1 - reach) / error**2 if error > 0 and 0 < reach < 1 else float(found.whole)
    share = wilson(reach * calls, calls) or Share(reach, 0.0, 1.0)
    means = [_interval(found.mean[n], [one[n] for one in found.influence]) for n in (1, 2)]
    return Expected(Interval(*share), *(Interval(m.value, max(0.0, m.low), m.high) for m in means))


def difference(one: Estimate, other: Estimate) -> Expected:
    """By how much the other is above the one; both are of the same calls, so that what these share cancels out."""
    found = [
        _interval(
            other.mean[n] - one.mean[n],
            [b[n] - a[n] for a, b in zip(one.influence, other.influence, strict=True)],
        )
        for n in range(3)
    ]
    return Expected(*found)


def _interval(mean: float, influence: list[float]) -> Interval:
    half = Z * _error(influence)
    return Interval(mean, mean - half, mean + half)


def _error(influence: list[float]) -> float:
    """The standard error of a mean."""
    return math.sqrt(sum(one * one for one in influence)) / max(len(influence), 1)
